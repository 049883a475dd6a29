//! What is counted: by each invocation in a line of CloudWatch's embedded metric format.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local_aws::PostError;
use signalbox_telemetry::Count;

use crate::bed::{A, B, Bed, CHANNEL, versions};
use crate::events::{Link, socket};
use crate::written::root;

/// The format, as its specification says it (Specification: Embedded metric format, Amazon CloudWatch User Guide).
fn schema() -> jsonschema::Validator {
    let name = json!({"type": "string", "minLength": 1, "maxLength": 255});
    let definition = json!({
        "type": "object",
        "required": ["Name"],
        "properties": {"Name": name, "Unit": {"enum": ["Milliseconds", "Count", "None"]}},
        "additionalProperties": false,
    });
    let directive = json!({
        "type": "object",
        "required": ["Namespace", "Dimensions", "Metrics"],
        "properties": {
            "Namespace": name,
            "Dimensions": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "array", "maxItems": 30, "items": name},
            },
            "Metrics": {"type": "array", "minItems": 1, "maxItems": 100, "items": definition},
        },
        "additionalProperties": false,
    });
    let number_or_numbers = json!({
        "anyOf": [{"type": "number"}, {"type": "array", "maxItems": 100, "items": {"type": "number"}}],
    });
    let root = json!({
        "type": "object",
        "required": ["_aws"],
        "properties": {
            "_aws": {
                "type": "object",
                "required": ["Timestamp", "CloudWatchMetrics"],
                "properties": {
                    "Timestamp": {"type": "integer", "minimum": 0},
                    "CloudWatchMetrics": {"type": "array", "minItems": 1, "items": directive},
                },
                "additionalProperties": false,
            },
            "Reason": {"type": "string", "minLength": 1, "maxLength": 1024},
        },
        "additionalProperties": number_or_numbers,
    });
    jsonschema::validator_for(&root).unwrap()
}

/// What the lines say in all, each of which is valid: by name, and by reason where there is one.
fn counted(lines: &[Value]) -> BTreeMap<String, u64> {
    let schema = schema();
    let mut counted = BTreeMap::new();
    for line in lines {
        assert!(schema.is_valid(line), "{line}: {:?}", schema.iter_errors(line).collect::<Vec<_>>());
        let mut members: Vec<_> = line.as_object().unwrap().keys().filter(|name| *name != "_aws").collect();
        for directive in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            assert_eq!(directive["Namespace"], "Signalbox/signalbox");
            let dimensions = directive["Dimensions"].as_array().unwrap();
            assert!(
                *dimensions == [json!([])] || *dimensions == [json!(["Reason"])],
                "no other: {dimensions:?}"
            );
            let by_reason = dimensions[0] == json!(["Reason"]);
            let reason =
                if by_reason { format!(" {}", line["Reason"].as_str().unwrap()) } else { String::new() };
            members.retain(|name| !(by_reason && *name == "Reason"));
            for definition in directive["Metrics"].as_array().unwrap() {
                let name = definition["Name"].as_str().unwrap();
                members.retain(|member| *member != name);
                let many = match &line[name] {
                    Value::Array(values) => values.len() as u64,
                    _ if name == "PostLatency" => 1,
                    number => number.as_u64().unwrap(),
                };
                *counted.entry(format!("{name}{reason}")).or_default() += many;
            }
        }
        assert!(members.is_empty(), "{members:?} are of no metric in {line}");
    }
    counted
}

#[track_caller]
fn assert_counted(bed: &Bed, expected: &[(&str, u64)]) {
    let lines = bed.take_lines();
    assert!(lines.len() <= 1, "an invocation writes one line: {lines:?}");
    let expected: BTreeMap<_, _> = expected.iter().map(|(name, many)| ((*name).to_owned(), *many)).collect();
    assert_eq!(counted(&lines), expected);
}

async fn link(bed: &Bed, name: &str, link: Link) {
    bed.run(name, &socket(bed.source, name, link, &bed.event_id(), None)).await;
}

/// Each invocation says what it has done, and no more.
#[tokio::test]
async fn each_invocation_writes_what_it_has_counted_in_one_line() {
    let bed = Bed::new().await;
    link(&bed, "connect", A).await;
    assert_counted(&bed, &[("ConnectionsOpened", 1)]);
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.message("default", A, json!({})).await;
    assert_counted(&bed, &[]);

    bed.deliver(&token, 60).await;
    let live = [("Accepted", 1), ("Stored", 1), ("Posted", 1), ("PostLatency", 1)];
    assert_counted(&bed, &live);
    bed.deliver(&token, 0).await;
    assert_counted(&bed, &[("Accepted", 1), ("Posted", 1), ("PostLatency", 1)]);
    let versions = versions(&bed.peers.take(A.id));
    bed.acknowledge(A, &[&versions[0], &versions[1], &versions[0], "unknown"]).await;
    assert_counted(&bed, &[("Acknowledged", 2)]);

    bed.push(&token[1..], 60).await;
    assert_counted(&bed, &[("Refused token-unknown", 1)]);
    let mut unsigned = bed.validate_event(&token, &bed.server);
    unsigned["headers"].as_object_mut().unwrap().remove("authorization");
    bed.run_validate(&unsigned).await;
    assert_counted(&bed, &[("Refused vapid-missing", 1)]);

    bed.peers.fail(A.id, PostError::LimitExceeded);
    bed.deliver(&token, 60).await;
    assert_counted(&bed, &[("Accepted", 1), ("Stored", 1), ("Owed", 1)]);
    bed.peers.open(A.id);
    let owed: Vec<_> = bed.owed().into_iter().map(|(body, _)| body).collect();
    bed.drain(&owed).await;
    assert_counted(&bed, &[("Posted", 1)]);

    bed.disconnect(A).await;
    assert_counted(&bed, &[("ConnectionsClosed", 1)]);
    bed.deliver(&token, 6000).await;
    assert_counted(&bed, &[("Accepted", 1), ("Stored", 1)]);
    bed.pass(Duration::from_secs(120));
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    assert_counted(&bed, &[("Posted", 1), ("Expired", 1)]);
    bed.message("default", B, json!({"messageType": "nonsense"})).await;
    assert_counted(&bed, &[("TerminalsRefused unknown-message", 1)]);
}

/// What has ended is no more counted as expired than what was taken.
#[tokio::test]
async fn what_belongs_to_an_ended_session_is_not_counted_as_expired() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.peers.fail(A.id, PostError::Gone);
    bed.deliver(&token, 60).await;
    bed.unregister(A, CHANNEL).await;
    bed.take_lines();
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    assert_counted(&bed, &[]);
}

/// A drain posts many: they are in one line too.
#[tokio::test]
async fn a_backlog_is_counted_in_one_line() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    for _ in 0..101 {
        bed.deliver(&token, 60).await;
    }
    assert_eq!(counted(&bed.take_lines())["Stored"], 101);
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    assert_counted(&bed, &[("Posted", 100), ("Owed", 1)]);
}

/// From the gateway's time of the request to the post, by the function's clock.
#[tokio::test]
async fn the_latency_is_that_from_acceptance_to_post() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    let clock = bed.hands();
    bed.posts.intercept(move |_| {
        clock.fetch_add(34, std::sync::atomic::Ordering::SeqCst);
        None
    });
    bed.deliver(&token, 60).await;
    assert_eq!(bed.take_lines()[0]["PostLatency"], 34);
}

/// The dashboard shows, and the page explains, what is counted, by the names that it has; no alarm waits for another.
#[test]
fn dashboard_alarms_and_page_name_what_is_counted() {
    let text = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let (template, page) = (text("template.yaml"), text("docs/OBSERVABILITY.md"));
    let names: Vec<_> = Count::ALL.map(Count::name).into_iter().chain(["PostLatency"]).collect();
    for name in &names {
        let shown = format!(r#"["Signalbox/${{AWS::StackName}}", "{name}", "#);
        assert!(template.contains(&shown), "the dashboard does not show {name}");
        assert!(page.contains(&format!("`{name}`")), "the page does not explain {name}");
    }
    for name in ["Refused", "TerminalsRefused"] {
        assert!(
            template.contains(&format!(r#"MetricName=\"{name}\""#)),
            "the dashboard does not show {name}"
        );
        assert!(page.contains(&format!("`{name}` by `Reason`")), "the page does not explain {name}");
    }
    let mut alarms = 0;
    for (_, behind) in
        template.match_indices("Namespace: !Sub Signalbox/").map(|(at, _)| template.split_at(at))
    {
        let name = behind.lines().find_map(|line| line.trim().strip_prefix("MetricName: ")).unwrap();
        assert!(
            names.contains(&name) || ["Refused", "TerminalsRefused"].contains(&name),
            "nobody writes {name}"
        );
        alarms += 1;
    }
    assert_eq!(alarms, 2);
}
