//! The page `docs/CONFORMANCE.md`: made of `requirements.txt` and of the tests themselves, so that it cannot name a test
//! that is not there. Fails where the page is not what these make; `SIGNALBOX_WRITE=1` writes it. And the tests that
//! `docs/THREATS.md` names, which is written by hand, are there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

mod threats;
#[path = "../support/written.rs"]
mod written;

use written::{assert_up_to_date, root};

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// What stands for a requirement.
enum Proof {
    Tests(Vec<String>),
    Otherwise(String),
    NotYet(String),
}

struct Requirement {
    section: String,
    level: String,
    text: String,
    proof: Proof,
}

/// Every function that a test harness runs, with the file it is in.
fn tests() -> HashMap<String, String> {
    let mut found = HashMap::new();
    for folder in ["shared", "functions", "infra", "tests"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut HashMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the project") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            if !path.ends_with("node_modules") {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let file = path.strip_prefix(root()).expect("below the root").display().to_string();
            for name in tests_in(&text) {
                found.insert(name.to_owned(), file.clone());
            }
        }
    }
}

/// The functions behind `#[test]` and `#[tokio::test]`, with or without arguments, and those of `proptest!`, which bear `#[test]` too.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    ["#[test]", "#[tokio::test"].into_iter().flat_map(move |mark| {
        text.split(mark).skip(1).filter_map(|behind| {
            let (_, rest) = behind.split_once("fn ")?;
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
        })
    })
}

fn parse(line: &str) -> Requirement {
    let mut parts = line.splitn(4, '|').map(str::trim);
    let mut part = || parts.next().unwrap_or_else(|| panic!("not four parts: {line}")).to_owned();
    let (section, level, text, proof) = (part(), part(), part(), part());
    let proof = match (proof.strip_prefix("- "), proof.strip_prefix("? ")) {
        (Some(reason), _) => Proof::Otherwise(reason.to_owned()),
        (_, Some(reason)) => Proof::NotYet(reason.to_owned()),
        _ => Proof::Tests(proof.split(',').map(|name| name.trim().to_owned()).collect()),
    };
    Requirement { section, level, text, proof }
}

fn page() -> String {
    let tests = tests();
    let mut page = String::from(
        "# Conformance\n\nMade by a test of `tests/conformance/requirements.txt`, which fails where a test named here is not \
         there: `SIGNALBOX_WRITE=1 cargo test -p signalbox --test conformance` writes it anew.\n",
    );
    let (mut proven, mut otherwise, mut not_yet) = (0, 0, 0);
    let mut body = String::new();
    for line in REQUIREMENTS.lines().filter(|line| !line.is_empty()) {
        if let Some(title) = line.strip_prefix("## ") {
            let _ = write!(body, "\n## {title}\n\n| section | level | demand | proof |\n|---|---|---|---|\n");
        } else if !line.starts_with('#') {
            let Requirement { section, level, text, proof } = parse(line);
            let proof = match proof {
                Proof::Tests(names) => {
                    proven += 1;
                    let cell = |name: &String| {
                        let file =
                            tests.get(name).unwrap_or_else(|| panic!("{section}: no test is named {name}"));
                        format!("[`{name}`](../{file})")
                    };
                    names.iter().map(cell).collect::<Vec<_>>().join(", ")
                }
                Proof::Otherwise(reason) => {
                    otherwise += 1;
                    format!("done otherwise: {reason}")
                }
                Proof::NotYet(reason) => {
                    not_yet += 1;
                    format!("not proven: {reason}")
                }
            };
            let _ = writeln!(body, "| {section} | {level} | {text} | {proof} |");
        }
    }
    let _ = write!(
        page,
        "\n{} demands: {proven} proven by tests, {otherwise} met otherwise for the reason given, {not_yet} not proven.\n",
        proven + otherwise + not_yet
    );
    page + &body
}

/// The page is what the requirements and the tests make of it.
#[test]
fn the_page_is_up_to_date() {
    assert_up_to_date("docs/CONFORMANCE.md", &page());
}
