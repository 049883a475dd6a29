use crate::tests_in;
use crate::written::root;

const PAGE: &str = "docs/THREATS.md";

/// The code of the page that looks like a test's name, and what it links to.
fn named(page: &str) -> Vec<(&str, Option<&str>)> {
    let mut named = Vec::new();
    // Outside, inside, outside, ...
    let mut spans = page.split('`').peekable();
    while let (Some(_), Some(code)) = (spans.next(), spans.next()) {
        let is_name =
            code.contains('_') && code.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        if is_name {
            let behind = spans.peek().and_then(|behind| behind.strip_prefix("](../"));
            named.push((code, behind.and_then(|behind| behind.split_once(')')).map(|(file, _)| file)));
        }
    }
    named
}

/// Each test that the page of threats names is in the file that it links to.
#[test]
fn the_page_of_threats_names_tests_that_are_there() {
    let page = std::fs::read_to_string(root().join(PAGE)).expect("the page is there");
    let named = named(&page);
    assert!(named.len() > 50, "{} tests are named", named.len());
    for (name, file) in named {
        let file = file.unwrap_or_else(|| panic!("{PAGE}: `{name}` is without a link to its file"));
        let text = std::fs::read_to_string(root().join(file))
            .unwrap_or_else(|_| panic!("{PAGE}: {file} is not there"));
        assert!(tests_in(&text).any(|test| test == name), "{PAGE}: no test of {file} is named {name}");
    }
}
