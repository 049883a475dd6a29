//! `docs/asyncapi.json` and `docs/openapi.json`: both surfaces, described for machines. Made of the types of
//! `signalbox-wire` and of the kinds of refusals, and compared with the template, with `docs/API.md`, with the domain's
//! rules, and with a running service. `SIGNALBOX_WRITE=1 cargo test -p signalbox --test surfaces` writes them anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "nobody uses a test crate; its helpers serve several"
)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/written.rs"]
mod written;

mod agreement;
mod api_page;
mod asyncapi;
mod examples;
mod forms;
mod openapi;
mod running;
mod schemas;
mod template;

use serde_json::Value;

/// As it is kept in `docs/`: members in the order of the alphabet, whatever order the JSON library keeps.
fn text(mut document: Value) -> String {
    document.sort_all_objects();
    serde_json::to_string_pretty(&document).expect("JSON") + "\n"
}

#[test]
fn the_asyncapi_document_is_up_to_date() {
    written::assert_up_to_date("docs/asyncapi.json", &text(asyncapi::document()));
}

#[test]
fn the_openapi_document_is_up_to_date() {
    written::assert_up_to_date("docs/openapi.json", &text(openapi::document()));
}
