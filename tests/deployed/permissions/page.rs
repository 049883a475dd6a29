use std::fmt::Write as _;

use super::function::Function;
use super::permission::Permission;
use super::table::Table;
use crate::written::assert_up_to_date;

const WORDS: &str = include_str!("page.md");

/// The page is what the table says.
#[test]
fn the_page_of_permissions_is_up_to_date() {
    let mut rows = String::new();
    let mut count = 0;
    for function in Function::ALL {
        let table = Table::of(function);
        let _ = write!(rows, "\n## `{}`\n\n| action | on | needed by |\n|---|---|---|\n", function.name());
        for permission in table.needed() {
            rows += &row(permission, &needed_by(&table, permission));
            count += 1;
        }
        for (permission, by) in &table.unproven {
            rows += &row(*permission, by);
            count += 1;
        }
    }
    let page = WORDS.replace("{count}", &count.to_string()).replace("{table}", rows.trim());
    assert_up_to_date("docs/PERMISSIONS.md", &page);
}

/// The operation that needs the least beside it, and how many others there are.
fn needed_by(table: &Table, permission: Permission) -> String {
    let mut by: Vec<_> =
        table.operations.iter().filter(|operation| operation.needs.contains(&permission)).collect();
    by.sort_by_key(|operation| operation.needs.len());
    match by.len() - 1 {
        0 => by[0].name.to_owned(),
        more => format!("{}; {more} more", by[0].name),
    }
}

fn row(permission: Permission, by: &str) -> String {
    format!("| `{}` | {} | {by} |\n", permission.action, permission.on.name())
}
