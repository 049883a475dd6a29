//! Every kind of refusal, every reason of an `error` and every status of an answer has its row, or its test among those of
//! the functions. A new kind or reason does not compile before it is named here.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use signalbox_domain::RefusalKind;
use signalbox_wire::ErrorReason;

use super::row::Row;
use super::terminal::Answer;
use super::{fanout, push, resources, terminal, tokens, vapid};

/// What shows that a refusal is as documented.
#[derive(Debug, Clone, Copy)]
enum Proof {
    /// The row of that name, from outside.
    Row(&'static str),
    /// Nobody outside can bring it about: the test of that name in `tests/functions`.
    Functions(&'static str),
}

use Proof::{Functions, Row as ByRow};

const fn of_kind(kind: RefusalKind) -> Proof {
    match kind {
        RefusalKind::RequestMalformed => ByRow("a body without the token"),
        RefusalKind::TtlMissing => ByRow("no TTL"),
        RefusalKind::TtlInvalid => ByRow("a TTL below 0"),
        RefusalKind::UrgencyInvalid => ByRow("no urgency of the four"),
        RefusalKind::TopicInvalid => ByRow("a topic with a space"),
        RefusalKind::IdempotencyKeyInvalid => ByRow("an idempotency key with a space"),
        RefusalKind::AudienceNameInvalid => ByRow("an audience's name with a dash in front"),
        RefusalKind::JobUnknown => ByRow("a job that is made up"),
        RefusalKind::AudienceUnknown => ByRow("another server's audience"),
        // The operator's calls do not come from outside.
        RefusalKind::ApplicationNameInvalid => Functions("what_is_no_registration_is_refused"),
        RefusalKind::ApplicationUnknown => Functions("an_application_is_registered_changed_and_removed"),
        RefusalKind::ServerKeyTaken => Functions("a_key_of_another_application_is_refused"),
        RefusalKind::PreconditionFailed => Functions("a_change_is_made_to_what_was_read_where_that_is_asked"),
        RefusalKind::NotTheOperator => Functions("nobody_but_the_operator_is_served"),
        RefusalKind::IdempotencyConflict => ByRow("an idempotency key of another request"),
        // Told of a recipient, and never of a whole request.
        RefusalKind::EncodingNotAsked => Functions("r40_one_bad_recipient_costs_no_other_its_notification"),
        RefusalKind::EncodingMissing => ByRow("a body without its coding"),
        RefusalKind::EncryptionMissing => ByRow("aesgcm without salt"),
        RefusalKind::BodyMalformed => ByRow("a short body"),
        RefusalKind::VapidMissing => ByRow("no VAPID"),
        RefusalKind::VapidHeader => ByRow("another scheme"),
        RefusalKind::VapidKey => ByRow("a short k"),
        RefusalKind::VapidToken => ByRow("no JWT"),
        RefusalKind::VapidSignature => ByRow("a signature of another key"),
        RefusalKind::VapidAudience => ByRow("another service's audience"),
        RefusalKind::VapidExpiry => ByRow("an expiry that has passed"),
        RefusalKind::OtherServer => ByRow("a session of another key"),
        RefusalKind::NotValidated => ByRow("a session that nobody has validated"),
        RefusalKind::SessionUnbound => ByRow("a session that is bound to no server"),
        RefusalKind::MessageUnknown => ByRow("a name that is altered"),
        RefusalKind::TokenUnknown => ByRow("a byte within the token altered"),
        RefusalKind::NotAPost => ByRow("an endpoint is asked for"),
        RefusalKind::GivenUp => ByRow("a message that was withdrawn"),
        RefusalKind::SessionEnded => ByRow("a session that has ended"),
        RefusalKind::BodyTooLarge => ByRow("a body over the limit"),
        RefusalKind::EncodingUnsupported => ByRow("another coding"),
        RefusalKind::TooManyWaiting => Functions("too_many_waiting_are_refused_until_the_terminal_comes"),
        RefusalKind::Unavailable => Functions("every_call_is_unavailable_where_the_tables_are"),
    }
}

const fn of_reason(reason: ErrorReason) -> Proof {
    match reason {
        ErrorReason::Malformed => ByRow("JSON that is no object"),
        ErrorReason::UnknownMessage => ByRow("an unknown message"),
        ErrorReason::NotWebPush => ByRow("a protocol of before"),
        ErrorReason::NotEnrolled => Functions("without_a_key_that_counts_hello_makes_nobody"),
        ErrorReason::SecondHello => ByRow("hello twice"),
        ErrorReason::Superseded => ByRow("hello of an older connection"),
        ErrorReason::NoHello => ByRow("a register before hello"),
        ErrorReason::NotProvisioned => Functions("an_overtaken_connection_gets_no_token"),
        ErrorReason::Unavailable => Functions("a_failed_hello_closes_the_connection"),
    }
}

/// The statuses of a message's own answer, by the schema that describes it.
const STATUSES: &[(&str, &str, u16, Proof)] = &[
    ("HelloAnswer", "hello", 200, ByRow("hello")),
    ("HelloAnswer", "hello", 403, Functions("a_suspended_terminal_is_told_so")),
    ("RegisterAnswer", "register", 200, ByRow("a register")),
    ("RegisterAnswer", "register", 400, ByRow("a register with a bad name")),
    ("RegisterAnswer", "register", 403, Functions("a_suspended_terminal_is_told_so")),
    ("RegisterAnswer", "register", 500, Functions("a_failed_register_has_status_500")),
    ("UnregisterAnswer", "unregister", 200, ByRow("an unregister of a channel without a session")),
    ("UnregisterAnswer", "unregister", 500, Functions("a_failed_unregister_has_status_500")),
];

/// The application server's table, whole.
fn rows() -> impl Iterator<Item = &'static Row> {
    [push::ROWS, vapid::ROWS, tokens::ROWS, resources::ROWS, fanout::ROWS].into_iter().flatten()
}

#[test]
fn every_kind_of_refusal_has_its_row_or_its_test() {
    for kind in RefusalKind::ALL {
        match of_kind(*kind) {
            ByRow(what) => {
                let row = rows().find(|row| row.what == what).unwrap_or_else(|| panic!("no row {what:?}"));
                assert_eq!(row.refused.1, kind.as_str(), "{what}");
            }
            Functions(test) => assert_tested(test, kind.as_str()),
        }
    }
}

#[test]
fn every_reason_of_an_error_has_its_row_or_its_test() {
    for word in described("ErrorReason") {
        match of_reason(serde_json::from_value(word.clone()).unwrap()) {
            ByRow(what) => {
                let Answer::Error(reason, _) = of_terminal(what).answer else { panic!("{what}: no error") };
                assert_eq!(reason, word, "{what}");
            }
            Functions(test) => assert_tested(test, word.as_str().unwrap()),
        }
    }
}

#[test]
fn every_status_of_an_answer_has_its_row_or_its_test() {
    for schema in ["HelloAnswer", "RegisterAnswer", "UnregisterAnswer"] {
        let listed = STATUSES.iter().filter(|one| one.0 == schema).map(|one| Value::from(one.2));
        assert_eq!(listed.collect::<Vec<_>>(), described(schema), "{schema}");
    }
    for (_, message, status, proof) in STATUSES {
        match *proof {
            ByRow(what) => {
                let row = of_terminal(what);
                assert_eq!(row.message(), *message, "{what}");
                assert!(matches!(row.answer, Answer::Status(is, _) if is == *status), "{what}");
            }
            Functions(test) => assert_tested(test, &status.to_string()),
        }
    }
}

/// A name stands for one row.
#[test]
fn no_two_rows_have_one_name() {
    let names: HashSet<_> = rows().map(|row| row.what).collect();
    assert_eq!(names.len(), rows().count());
    let names: HashSet<_> = terminal::ROWS.iter().map(|row| row.what).collect();
    assert_eq!(names.len(), terminal::ROWS.len());
}

fn of_terminal(what: &str) -> &'static terminal::Row {
    terminal::ROWS.iter().find(|row| row.what == what).unwrap_or_else(|| panic!("no row {what:?}"))
}

/// There is such a test of the functions, and it speaks of this kind, reason or status.
fn assert_tested(test: &str, word: &str) {
    let tests = tests_of_functions();
    let body = tests.get(test).unwrap_or_else(|| panic!("tests/functions has no test {test}"));
    assert!(body.contains(word), "{test} does not speak of {word}");
}

/// The tests of the functions, each with its text.
fn tests_of_functions() -> HashMap<String, String> {
    let mut tests = HashMap::new();
    let folder = root().join("tests/functions");
    let of = |folder: &Path| {
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let within = of(&folder).into_iter().filter(|path| path.is_dir()).flat_map(|path| of(&path));
    for file in of(&folder).into_iter().chain(within).filter(|path| path.is_file()) {
        let text = std::fs::read_to_string(file).unwrap();
        for behind in text.split("#[tokio::test]\nasync fn ").skip(1) {
            let (name, body) = behind.split_once('(').unwrap();
            let body = body.split("\n}\n").next().unwrap();
            tests.insert(name.to_owned(), body.to_owned());
        }
    }
    tests
}

/// What `docs/asyncapi.json`, which is made of the types, lists of an enum or of an answer's `status`.
fn described(schema: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(root().join("docs/asyncapi.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let schema = &document["components"]["schemas"][schema];
    let listed = match schema["properties"]["status"]["enum"].as_array() {
        Some(statuses) => statuses.clone(),
        None => words(schema),
    };
    assert!(!listed.is_empty(), "{schema} lists nothing");
    listed
}

/// The words of an enum, with or without a description of each.
fn words(schema: &Value) -> Vec<Value> {
    let plain = schema["enum"].as_array().into_iter().flatten().cloned();
    let each = schema["oneOf"].as_array().into_iter().flatten();
    let each = each.flat_map(|one| match &one["const"] {
        Value::Null => one["enum"].as_array().cloned().unwrap_or_default(),
        word => vec![word.clone()],
    });
    plain.chain(each).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
