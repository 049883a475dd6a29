//! New terminals need an enrolment key, where the service asks for one; known ones never do.

use std::time::Duration;

use serde_json::{Value, json};
use signalbox_local_aws::Fault;

use crate::bed::{A, B, Bed, CHANNEL};
use crate::events::{Link, SOURCES, socket};

pub(crate) const KEY: &str = "an.example~enrolment_key-which-is-long";
const OTHER: &str = "another.example~enrolment_key-as-long-x";
const UNKNOWN: &str = "0123456789abcdef0123456789abcdef";
const C: Link = Link { id: "connection-c=", connected: 3_000 };

fn keys(keys: &[(&str, &str)]) -> String {
    json!(keys.iter().copied().collect::<std::collections::BTreeMap<_, _>>()).to_string()
}

async fn enrolling() -> Bed {
    Bed::enrolling(&keys(&[("1", KEY)])).await
}

/// How a connection carries its key.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    Query,
    Header,
}

impl Bed {
    /// `$connect` with this key: the status of the handshake.
    async fn connect(&self, link: Link, by: By, key: &str) -> i64 {
        self.answer("connect", &self.connect_event(link, by, key)).await["statusCode"].as_i64().unwrap()
    }

    pub(crate) fn connect_event(&self, link: Link, by: By, key: &str) -> Value {
        self.peers.open(link.id);
        let mut event = socket(self.source, "connect", link, &self.event_id(), None);
        match by {
            By::Query => {
                event["queryStringParameters"] = json!({"enrolment": key});
                event["multiValueQueryStringParameters"] = json!({"enrolment": [key]});
            }
            By::Header => {
                event["headers"]["X-Signalbox-Enrolment"] = json!(key);
                event["multiValueHeaders"]["X-Signalbox-Enrolment"] = json!([key]);
            }
        }
        event
    }

    /// `hello` with these members more.
    async fn says_hello(&self, link: Link, more: Value) -> Vec<Value> {
        let mut body = json!({"messageType": "hello", "use_webpush": true});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(self.message("hello", link, body).await, None);
        self.peers.take(link.id)
    }

    async fn is_empty(&self, table: &str) -> bool {
        self.tables.scan().table_name(table).send().await.unwrap().items().is_empty()
    }

    #[track_caller]
    fn assert_spent(&self, operations: &[&str], reads_of_secrets: usize) {
        assert_eq!(self.dynamo.take_operations(), operations, "calls to DynamoDB");
        assert_eq!(self.secrets.take().len(), reads_of_secrets, "calls to Secrets Manager");
    }
}

fn is_welcome(posted: &[Value]) -> bool {
    posted.len() == 1 && posted[0]["messageType"] == "hello" && posted[0]["status"] == 200
}

#[track_caller]
fn assert_refused(bed: &Bed, link: Link, posted: &[Value], reason: &str) {
    assert_eq!(posted.len(), 1, "{posted:?}");
    assert_eq!((&posted[0]["messageType"], &posted[0]["reason"]), (&json!("error"), &json!(reason)));
    assert!(bed.peers.is_closed(link.id));
}

/// Where everybody may become a terminal, a key is looked at nowhere, a good one as little as a wrong one.
#[tokio::test]
async fn where_the_service_is_open_a_key_costs_and_changes_nothing() {
    let bed = Bed::new().await;
    for key in [KEY, "wrong"] {
        assert_eq!(bed.connect(A, By::Query, key).await, 200);
        bed.assert_spent(&[], 0);
        assert!(is_welcome(&bed.says_hello(A, json!({"enrolment": key})).await));
        bed.assert_spent(&["TransactWriteItems", "UpdateItem"], 0);
        bed.disconnect(A).await;
        let _ = bed.dynamo.take();
    }
    assert!(bed.context.enrolment.is_none());
}

/// A key in the URL or in a header costs one write, and one read in `hello`; in each form of the events.
#[tokio::test]
async fn a_key_that_a_connection_was_made_with_makes_a_terminal() {
    for source in SOURCES {
        for by in [By::Query, By::Header] {
            let mut bed = enrolling().await;
            bed.source = source;
            assert_eq!(bed.connect(A, by, KEY).await, 200, "{source:?} {by:?}");
            bed.assert_spent(&["PutItem"], 0);
            assert!(is_welcome(&bed.says_hello(A, json!({})).await));
            bed.assert_spent(&["GetItem", "TransactWriteItems", "UpdateItem"], 0);
            assert_eq!(bed.register(A, CHANNEL, json!({})).await["status"], 200);
        }
    }
}

/// It counts for that connection alone, and not for ever: whoever holds one cannot keep it for later.
#[tokio::test]
async fn what_a_connection_was_made_with_counts_for_it_alone_and_for_15_minutes() {
    let bed = enrolling().await;
    assert_eq!(bed.connect(A, By::Query, KEY).await, 200);
    bed.peers.open(B.id);
    assert_refused(&bed, B, &bed.says_hello(B, json!({})).await, "not-enrolled");
    bed.pass(Duration::from_secs(15 * 60));
    assert_refused(&bed, A, &bed.says_hello(A, json!({})).await, "not-enrolled");
    assert!(bed.is_empty("terminals").await);
}

#[tokio::test]
async fn a_key_in_hello_makes_a_terminal_without_a_call_more() {
    let bed = enrolling().await;
    let connect = socket(bed.source, "connect", A, "e", None);
    bed.run("connect", &connect).await;
    bed.assert_spent(&[], 0);
    bed.peers.open(A.id);
    assert!(is_welcome(&bed.says_hello(A, json!({"enrolment": KEY})).await));
    bed.assert_spent(&["TransactWriteItems", "UpdateItem"], 0);
}

/// Refused before there is a connection: nothing is called, and nothing kept.
#[tokio::test]
async fn a_connection_with_a_wrong_key_is_refused() {
    let bed = enrolling().await;
    let longer = format!("{KEY}x");
    for by in [By::Query, By::Header] {
        for wrong in ["", "wrong", OTHER, &longer, &KEY.to_uppercase()] {
            assert_eq!(bed.connect(A, by, wrong).await, 403, "{by:?} {wrong}");
        }
    }
    // A wrong one in the header is not made good by the URL.
    let mut both = bed.connect_event(A, By::Query, KEY);
    both["headers"]["X-Signalbox-Enrolment"] = json!(OTHER);
    assert_eq!(bed.answer("connect", &both).await["statusCode"], 403);
    bed.assert_spent(&[], 0);
    assert!(bed.is_empty("connections").await);
    let lines = bed.take_lines();
    assert_eq!(lines.len(), 11);
    assert!(lines.iter().all(|line| line["Reason"] == "not-enrolled"), "{lines:?}");
}

#[tokio::test]
async fn without_a_key_that_counts_hello_makes_nobody() {
    let bed = enrolling().await;
    bed.peers.open(A.id);
    assert_refused(&bed, A, &bed.says_hello(A, json!({})).await, "not-enrolled");
    bed.assert_spent(&["GetItem"], 0);
    for wrong in ["", "wrong", OTHER] {
        // What the connection was made with does not make up for it: the newest word counts.
        assert_eq!(bed.connect(A, By::Query, KEY).await, 200);
        let _ = bed.dynamo.take();
        assert_refused(&bed, A, &bed.says_hello(A, json!({"enrolment": wrong})).await, "not-enrolled");
        bed.assert_spent(&[], 0);
    }
    assert!(bed.is_empty("terminals").await);
    // And what has the wrong form altogether.
    bed.peers.open(A.id);
    assert_refused(&bed, A, &bed.says_hello(A, json!({"enrolment": [KEY]})).await, "malformed");
}

/// A terminal is known by its uaid: it needs no key, costs no call more, and its wrong one in `hello` is not looked at.
#[tokio::test]
async fn a_known_terminal_needs_no_key() {
    let bed = enrolling().await;
    bed.peers.open(A.id);
    let uaid = bed.says_hello(A, json!({"enrolment": KEY})).await[0]["uaid"].as_str().unwrap().to_owned();
    bed.disconnect(A).await;
    let _ = bed.dynamo.take();
    for (link, more) in [(B, json!({"uaid": uaid})), (C, json!({"uaid": uaid, "enrolment": OTHER}))] {
        bed.peers.open(link.id);
        let posted = bed.says_hello(link, more).await;
        assert!(is_welcome(&posted) && posted[0]["uaid"] == uaid.as_str(), "{posted:?}");
        bed.assert_spent(&["PutItem", "UpdateItem", "UpdateItem", "Query"], 0);
    }
}

/// A uaid that is none of ours makes nobody: it needs a key as a terminal does that names none.
#[tokio::test]
async fn an_unknown_terminal_needs_a_key() {
    let bed = enrolling().await;
    bed.peers.open(A.id);
    assert_refused(&bed, A, &bed.says_hello(A, json!({"uaid": UNKNOWN})).await, "not-enrolled");
    bed.assert_spent(&["PutItem", "UpdateItem", "GetItem"], 0);
    assert!(bed.is_empty("terminals").await);
    bed.disconnect(A).await;
    assert!(bed.is_empty("connections").await);

    bed.peers.open(B.id);
    let posted = bed.says_hello(B, json!({"uaid": UNKNOWN, "enrolment": KEY})).await;
    assert!(is_welcome(&posted) && posted[0]["uaid"] != UNKNOWN, "{posted:?}");
    assert_eq!(bed.connect(C, By::Header, KEY).await, 200);
    assert!(is_welcome(&bed.says_hello(C, json!({"uaid": UNKNOWN})).await));
}

/// A key that is added is found by whoever reads the set again, and one that was taken out counts for 10 minutes at most.
#[tokio::test]
async fn keys_are_replaced_while_both_count() {
    let bed = enrolling().await;
    bed.set_enrolment_keys(&keys(&[("1", KEY), ("2", OTHER)]));
    // Read within the last minute: that a key is none of it, is certain enough.
    assert_eq!(bed.connect(A, By::Query, OTHER).await, 403);
    bed.assert_spent(&[], 0);
    bed.pass(Duration::from_secs(61));
    assert_eq!(bed.connect(A, By::Query, OTHER).await, 200);
    bed.assert_spent(&["PutItem"], 1);
    assert_eq!(bed.connect(B, By::Query, KEY).await, 200);
    // However many wrong ones come: one read a minute.
    for _ in 0..5 {
        assert_eq!(bed.connect(B, By::Query, &OTHER.to_uppercase()).await, 403);
    }
    bed.assert_spent(&["PutItem"], 0);

    bed.set_enrolment_keys(&keys(&[("2", OTHER)]));
    bed.pass(Duration::from_secs(10 * 60));
    assert_eq!(bed.connect(C, By::Query, KEY).await, 403);
    bed.assert_spent(&[], 1);
    assert_eq!(bed.connect(C, By::Query, OTHER).await, 200);
    bed.peers.open(B.id);
    assert_refused(&bed, B, &bed.says_hello(B, json!({"enrolment": KEY})).await, "not-enrolled");
}

/// What cannot be told is no refusal: the terminal comes again. What the set held when it was last read counts on.
#[tokio::test]
async fn an_unknown_key_is_not_refused_while_the_set_cannot_be_read() {
    let bed = enrolling().await;
    bed.set_enrolment_keys(&keys(&[("1", KEY), ("2", OTHER)]));
    bed.pass(Duration::from_secs(11 * 60));
    bed.secrets.intercept(|_| Some(Fault::FailsBefore));
    assert_eq!(bed.connect(A, By::Query, OTHER).await, 503);
    assert!(bed.secrets.take().len() > 1, "the client tries again");
    bed.peers.open(A.id);
    assert_refused(&bed, A, &bed.says_hello(A, json!({"enrolment": OTHER})).await, "unavailable");
    assert_eq!(bed.connect(B, By::Query, KEY).await, 200);
    bed.assert_spent(&["PutItem"], 0);
    // What is no key in its form, no set could hold.
    assert_eq!(bed.connect(C, By::Query, "wrong").await, 403);
    // A set that was broken by hand is not read either, and is not taken for one without keys.
    bed.secrets.intercept(|_| None);
    bed.set_enrolment_keys("{}");
    bed.pass(Duration::from_secs(61));
    assert_eq!(bed.connect(C, By::Query, OTHER).await, 503);
    bed.set_enrolment_keys(&keys(&[("2", OTHER)]));
    assert_eq!(
        bed.connect(C, By::Query, OTHER).await,
        503,
        "tried at most once a minute, also where that fails"
    );
    bed.pass(Duration::from_secs(61));
    assert_eq!(bed.connect(C, By::Query, OTHER).await, 200);
}

/// A row that could not be written or read refuses nobody for good, and makes nobody.
#[tokio::test]
async fn a_failed_call_is_no_refusal() {
    for fault in [Fault::Throttled, Fault::FailsBefore] {
        let bed = enrolling().await;
        bed.dynamo.intercept(move |operation| (operation == "PutItem").then_some(fault));
        assert_eq!(bed.connect(A, By::Query, KEY).await, 503);
        bed.dynamo.intercept(move |operation| (operation == "GetItem").then_some(fault));
        assert_eq!(bed.connect(A, By::Query, KEY).await, 200);
        assert_refused(&bed, A, &bed.says_hello(A, json!({})).await, "unavailable");
        bed.dynamo.intercept(|_| None);
        assert!(bed.is_empty("terminals").await);
    }
}

/// Who has read the tables enrols nobody.
#[tokio::test]
async fn no_row_holds_an_enrolment_key() {
    let bed = enrolling().await;
    assert_eq!(bed.connect(A, By::Query, KEY).await, 200);
    assert!(is_welcome(&bed.says_hello(A, json!({})).await));
    bed.peers.open(B.id);
    assert!(is_welcome(&bed.says_hello(B, json!({"enrolment": KEY})).await));
    let mut rows = 0;
    for table in ["terminals", "connections"] {
        for row in bed.tables.scan().table_name(table).send().await.unwrap().items() {
            assert!(!format!("{row:?}").contains(KEY), "{row:?}");
            rows += 1;
        }
    }
    assert_eq!(rows, 5, "two terminals, two connections, and that one was made with a key");
}

/// I10: `$connect` and `hello` that run twice come out the same.
#[tokio::test]
async fn events_that_run_twice_enrol_once() {
    let bed = enrolling().await;
    let connect = bed.connect_event(A, By::Query, KEY);
    let first = bed.answer("connect", &connect).await;
    assert_eq!(bed.answer("connect", &connect).await, first);
    let hello = json!({"messageType": "hello", "use_webpush": true});
    let hello = socket(bed.source, "hello", A, &bed.event_id(), Some(hello));
    bed.run("hello", &hello).await;
    let posted = bed.peers.take(A.id);
    assert!(is_welcome(&posted), "{posted:?}");
    bed.run("hello", &hello).await;
    assert_eq!(bed.peers.take(A.id), posted);
    assert_eq!(bed.tables.scan().table_name("terminals").send().await.unwrap().count(), 1);
    // Another `hello` is a second one, whatever it presents.
    assert_refused(&bed, A, &bed.says_hello(A, json!({"enrolment": KEY})).await, "second-hello");
}
