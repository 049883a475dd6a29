//! The documents, the template, `docs/API.md` and the code name the same things.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use signalbox_domain::RefusalKind;
use signalbox_wire::{PROBLEM_JSON, PROBLEM_PREFIX};

use crate::support::described::validator;
use crate::template::Template;
use crate::{api_page, asyncapi, openapi};

fn members(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of.as_object().expect("an object").iter()
}

/// The calls of the document: path, method, call.
fn calls(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    members(&document["paths"]).flat_map(|(path, item)| {
        members(item)
            .filter(|(name, _)| !["parameters", "servers"].contains(&name.as_str()))
            .map(move |(method, call)| (path, method, call))
    })
}

/// The words that a schema allows, whether written as `enum` or one by one.
fn words(schema: &Value) -> BTreeSet<String> {
    let one_by_one = schema["oneOf"].as_array().into_iter().flatten().map(|one| &one["const"]);
    let all = schema["enum"].as_array().into_iter().flatten().chain(one_by_one);
    all.map(|word| word.as_str().map_or_else(|| word.to_string(), ToOwned::to_owned)).collect()
}

#[test]
fn every_route_of_the_http_api_is_described_and_no_other() {
    let document = openapi::document();
    let mut described: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, method, _) in calls(&document) {
        described.entry(path).or_default().insert(method.to_uppercase());
    }
    // A route for any method is described method by method.
    for (path, methods) in &mut described {
        if *path == "/push/{token}" {
            assert!(methods.contains("POST") && methods.contains("GET"), "{methods:?}");
            *methods = BTreeSet::from(["ANY".to_owned()]);
        }
    }
    let described: BTreeSet<_> = described
        .iter()
        .flat_map(|(path, methods)| methods.iter().map(move |method| format!("{method} {path}")))
        .collect();
    assert_eq!(described, Template::read().http_routes());
}

/// Nobody is the operator but who has signed, and nobody else needs to. What is the operator's has places of its own.
#[test]
fn the_operators_routes_are_signed_and_no_others() {
    let document = openapi::document();
    let signed = |call: &Value| {
        let mut ways = call["security"].as_array().into_iter().flatten();
        ways.any(|way| way["sigv4"].is_array())
    };
    let mut operators = BTreeSet::new();
    for (path, method, call) in calls(&document) {
        assert_eq!(signed(call), document["paths"][path]["servers"].is_array(), "{method} {path}");
        assert_eq!(signed(call), path.starts_with("/v1/applications"), "{method} {path}");
        if signed(call) {
            operators.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert_eq!(operators.len(), 4);
    assert_eq!(operators, Template::read().signed_routes());
}

#[test]
fn every_route_of_the_websocket_api_is_described_and_no_other() {
    let document = asyncapi::document();
    let received = members(&document["operations"]).filter(|(_, operation)| operation["action"] == "receive");
    let mut described: BTreeSet<_> =
        received.map(|(name, _)| name.trim_start_matches("receive_").to_owned()).collect();
    for taken_by_default in ["ping", "broadcast_subscribe"] {
        assert!(described.remove(taken_by_default), "{taken_by_default}");
    }
    assert_eq!(described, Template::read().message_routes());
}

#[test]
fn pages_may_send_and_see_the_headers_that_are_described() {
    let (document, template) = (openapi::document(), Template::read());
    // These two have places of their own in the document.
    let mut sent = BTreeSet::from(["authorization".to_owned(), "content-type".to_owned()]);
    // An operator is no page.
    let of_pages = calls(&document).filter(|(path, ..)| !document["paths"][path]["servers"].is_array());
    for (_, _, call) in of_pages {
        let headers = call["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "header");
        sent.extend(headers.map(|header| header["name"].as_str().unwrap().to_lowercase()));
    }
    assert_eq!(sent, template.headers_for_pages("AllowHeaders"));

    // `Cache-Control` is always shown to pages, `Allow` is for whoever looks at an endpoint, and `ETag` for operators.
    let seen = members(&document["components"]["headers"]).map(|(name, _)| name.to_lowercase());
    let seen: BTreeSet<_> =
        seen.filter(|name| !["allow", "cache-control", "etag"].contains(&name.as_str())).collect();
    assert_eq!(seen, template.headers_for_pages("ExposeHeaders"));
}

/// Status, type and number.
type Problem = (u16, String, Option<u16>);

#[test]
fn code_page_and_document_have_the_same_problems() {
    let in_code: BTreeSet<Problem> =
        RefusalKind::ALL.iter().map(|kind| (kind.status(), kind.to_string(), kind.errno())).collect();
    let on_page: BTreeSet<Problem> = api_page::table("## Problems", "status")
        .into_iter()
        .map(|row| (row[0].parse().unwrap(), row[1].clone(), row[2].parse().ok()))
        .collect();
    assert_eq!(on_page, in_code);

    let document = openapi::document();
    let mut in_document: BTreeSet<Problem> = BTreeSet::new();
    for (_, _, call) in calls(&document) {
        for (status, response) in members(&call["responses"]) {
            let one_of = response["content"][PROBLEM_JSON]["schema"]["oneOf"].as_array();
            in_document
                .extend(one_of.into_iter().flatten().map(|one| problem(status, resolved(&document, one))));
        }
    }
    // No call is refused so: a recipient of a fan-out may be.
    let of_recipients: BTreeSet<Problem> = of_recipients(&document).collect();
    let alone: Vec<_> = of_recipients.difference(&in_document).map(|(_, kind, _)| kind.as_str()).collect();
    assert_eq!(alone, ["encoding-not-asked"]);
    in_document.extend(of_recipients);
    assert_eq!(in_document, in_code);
}

/// What a recipient or a member may be refused for.
fn of_recipients(document: &Value) -> impl Iterator<Item = Problem> {
    let schemas = &document["components"]["schemas"];
    let types = |schema: &str| schemas[schema]["properties"]["type"]["enum"].as_array().expect("types");
    types("RefusedRecipient").iter().chain(types("RefusedMember")).map(|urn| {
        let kind = urn.as_str().and_then(|urn| urn.strip_prefix(PROBLEM_PREFIX)).expect("a problem's type");
        let schema = &schemas[format!("Problem.{kind}")];
        problem(&schema["properties"]["status"]["const"].to_string(), schema)
    })
}

fn resolved<'d>(document: &'d Value, reference: &Value) -> &'d Value {
    let place = reference["$ref"].as_str().and_then(|place| place.strip_prefix('#')).expect("a reference");
    document.pointer(place).unwrap_or_else(|| panic!("nothing is at {place}"))
}

fn problem(status: &str, schema: &Value) -> Problem {
    let properties = &schema["properties"];
    assert_eq!(properties["status"]["const"].to_string(), status);
    let kind = properties["type"]["const"].as_str().unwrap().strip_prefix(PROBLEM_PREFIX).unwrap();
    let errno = properties["errno"]["const"].as_u64().map(|errno| u16::try_from(errno).unwrap());
    (status.parse().unwrap(), kind.to_owned(), errno)
}

#[test]
fn page_and_document_have_the_same_reasons() {
    let on_page: BTreeSet<_> =
        api_page::table("### error", "reason").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(on_page, words(&asyncapi::document()["components"]["schemas"]["ErrorReason"]));
}

#[test]
fn page_and_document_have_the_same_statuses_of_register() {
    let on_page: BTreeSet<_> =
        api_page::table("### register", "`status`").into_iter().map(|row| row[0].clone()).collect();
    let schema = &asyncapi::document()["components"]["schemas"]["RegisterAnswer"];
    assert_eq!(on_page, words(&schema["properties"]["status"]));
}

#[test]
fn every_message_has_examples_and_they_are_as_described() {
    let document = asyncapi::document();
    for (name, message) in members(&document["components"]["messages"]) {
        let examples = message["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{name} has no example");
        let validator = validator(&document, &message["payload"]);
        for example in examples {
            if let Err(error) = validator.validate(&example["payload"]) {
                panic!("{name}: {error}");
            }
        }
    }
}

/// I11: a token is part of a path, and a terminal's URL may carry what is nobody's business. The access logs name, of a
/// request, what is in this list and no more.
#[test]
fn access_logs_hold_no_path() {
    const HARMLESS: [&str; 10] = [
        "$context.requestId",
        "$context.identity.sourceIp",
        "$context.routeKey",
        "$context.eventType",
        "$context.connectionId",
        "$context.status",
        "$context.integration.error",
        "$context.integration.latency",
        "$context.integrationErrorMessage",
        "$context.responseLatency",
    ];
    let template = Template::read();
    let formats = template.access_logs();
    assert_eq!(formats.len(), 2, "one for each API");
    for format in formats {
        let members: BTreeMap<String, String> = serde_json::from_str(format).expect("an object of texts");
        for (name, variable) in members {
            assert!(HARMLESS.contains(&variable.as_str()), "{name} logs {variable}");
        }
    }
}
