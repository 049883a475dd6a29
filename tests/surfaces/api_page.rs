//! The tables of `docs/API.md`.

use crate::written::root;

/// The rows of the table below the heading whose first column is named so, each with its cells.
pub fn table(heading: &str, first_column: &str) -> Vec<Vec<String>> {
    let page = std::fs::read_to_string(root().join("docs/API.md")).expect("the page");
    let begins = format!("| {first_column} |");
    let below =
        page.lines().skip_while(|line| *line != heading).skip_while(|line| !line.starts_with(&begins));
    let rows: Vec<_> = below.take_while(|line| line.starts_with('|')).skip(2).map(cells).collect();
    assert!(!rows.is_empty(), "no table of {first_column} below {heading}");
    rows
}

fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
}
