//! What `docs/asyncapi.json` and `docs/openapi.json` say of a frame or an answer that came.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

static ASYNCAPI: LazyLock<Value> = LazyLock::new(|| document("asyncapi.json"));
static OPENAPI: LazyLock<Value> = LazyLock::new(|| document("openapi.json"));
/// Schemas that were compiled, by document and place.
static COMPILED: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);

fn document(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file);
    serde_json::from_str(&std::fs::read_to_string(path).expect("the document")).expect("JSON")
}

/// A schema of a document, which may refer to others of it.
pub fn validator(document: &Value, schema: &Value) -> Validator {
    // AsyncAPI's schemas are those of draft 07.
    let dialect = if document["asyncapi"].is_string() {
        "http://json-schema.org/draft-07/schema#"
    } else {
        "https://json-schema.org/draft/2020-12/schema"
    };
    let whole = json!({
        "$schema": dialect,
        "allOf": [schema],
        "components": document["components"],
    });
    jsonschema::validator_for(&whole).expect("a schema")
}

fn compiled(document: &Value, place: &str, schema: &Value) -> &'static Validator {
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.entry(place.to_owned()).or_insert_with(|| Box::leak(Box::new(validator(document, schema))))
}

fn wrong(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// A frame that a terminal got is one of the service's messages.
pub fn assert_frame(text: &str) {
    let frame: Value = serde_json::from_str(text).expect("a frame is JSON");
    let kind = frame["messageType"].as_str().unwrap_or("pong");
    let sent = ASYNCAPI["operations"]
        .as_object()
        .expect("operations")
        .values()
        .filter(|one| one["action"] == "send");
    let names = sent
        .map(|one| one["messages"][0]["$ref"].as_str().and_then(|to| to.rsplit('/').next()).expect("a name"));
    let message = names
        .map(|name| &ASYNCAPI["components"]["messages"][name])
        .find(|message| message["name"] == kind)
        .unwrap_or_else(|| panic!("no message is described as {kind}"));
    let wrong = wrong(compiled(&ASYNCAPI, kind, &message["payload"]), &frame);
    assert!(wrong.is_empty(), "{kind} is not as described: {wrong:?}");
}

/// An answer is one of its call's: status, headers, media type and body. Where the method is not known, of any of the path.
pub fn assert_answer(method: Option<&str>, path: &str, status: u16, headers: &HeaderMap, body: &str) {
    let (place, item) = OPENAPI["paths"]
        .as_object()
        .and_then(|paths| paths.iter().find(|(template, _)| is_of(path, template)))
        .unwrap_or_else(|| panic!("{path} is not described"));
    let calls = item.as_object().expect("calls").iter().filter(|(name, call)| {
        call["responses"].is_object() && method.is_none_or(|method| method.eq_ignore_ascii_case(name))
    });
    let complaints: Vec<_> = calls
        .map(|(name, call)| {
            let place = format!("{name} {place} {status}");
            let response = &call["responses"][status.to_string()];
            (place.clone(), complaints(&place, response, headers, body))
        })
        .collect();
    assert!(complaints.iter().any(|(_, wrong)| wrong.is_empty()), "not as described: {complaints:?}");
}

fn is_of(path: &str, template: &str) -> bool {
    let (mut path, mut template) = (path.rsplit('/'), template[1..].rsplit('/'));
    template.all(|wanted| path.next().is_some_and(|is| wanted.starts_with('{') || wanted == is))
}

fn complaints(place: &str, response: &Value, headers: &HeaderMap, body: &str) -> Vec<String> {
    if response.is_null() {
        return vec!["no such status".to_owned()];
    }
    let mut all: Vec<_> = response["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .flat_map(|(name, _)| of_header(name, headers))
        .collect();
    let Some(media_type) = headers.get("content-type").and_then(|value| value.to_str().ok()) else {
        if response["content"].is_object() {
            all.push("no body".to_owned());
        }
        return all;
    };
    match &response["content"][media_type]["schema"] {
        Value::Null => all.push(format!("no {media_type}")),
        schema => match serde_json::from_str(body) {
            Ok(value) => {
                all.extend(wrong(compiled(&OPENAPI, &format!("{place} {media_type}"), schema), &value));
            }
            Err(error) => all.push(error.to_string()),
        },
    }
    all
}

fn of_header(name: &str, headers: &HeaderMap) -> Vec<String> {
    let described = &OPENAPI["components"]["headers"][name];
    let Some(value) = headers.get(name) else {
        let missing = || format!("{name} is missing");
        return described["required"].as_bool().unwrap_or_default().then(missing).into_iter().collect();
    };
    let text = value.to_str().expect("plain text");
    let value = match described["schema"]["type"].as_str() {
        Some("integer") => text.parse().map_or_else(|_| json!(text), |number: u64| json!(number)),
        _ => json!(text),
    };
    wrong(compiled(&OPENAPI, &format!("header {name}"), &described["schema"]), &value)
}
