//! One search of the log finds all of a request, whichever function has done it.

use std::cell::RefCell;
use std::io::Write;
use std::sync::Once;

use serde_json::{Value, json};
use signalbox_local_aws::PostError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::bed::{A, B, Bed, CHANNEL, PUBLIC_URL};

const XRAY: &str = "1-67891233-abcdef012345678912345678";

thread_local! {
    /// Each test has a thread of its own.
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What this thread logs.
#[derive(Clone, Copy)]
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        *self
    }
}

/// From now on this thread's lines are kept, in the form that the functions log in. For all threads: a log of one thread's
/// alone would miss lines that another has met first.
fn begin() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_writer(Log).json().with_span_list(false);
        tracing_subscriber::registry().with(signalbox_startup::log_filter(None)).with(lines).init();
    });
    take();
}

/// The functions' lines since the last time; not those of the libraries underneath, about local wires.
fn take() -> Vec<Value> {
    let text = String::from_utf8(LINES.take()).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["target"].as_str().unwrap().starts_with("signalbox_")).collect()
}

/// What is said, of lines that are in any way about this request.
fn about<'l>(lines: &'l [Value], request: &str) -> Vec<&'l str> {
    let found = lines.iter().filter(|line| line.to_string().contains(request));
    found.map(|line| line["fields"]["message"].as_str().unwrap()).collect()
}

/// A push of that id, which X-Ray traces.
fn push_event(bed: &Bed, token: &str, id: &str) -> Value {
    let mut event = bed.push_event(token, 60);
    event["requestContext"]["requestId"] = json!(id);
    event["headers"]["x-amzn-trace-id"] = json!(format!("Root={XRAY};Sampled=1"));
    event
}

#[tokio::test]
async fn a_push_and_its_post_are_found_by_the_id_that_its_answer_has() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    begin();
    let answer = bed.run_push(&push_event(&bed, &token, "JKJaXmPLvHcESHA=")).await;
    assert_eq!(answer.headers()["x-request-id"], "JKJaXmPLvHcESHA=");
    let lines = take();
    assert_eq!(about(&lines, "JKJaXmPLvHcESHA="), ["accepted"]);
    assert_eq!(lines[0]["span"]["request"], "JKJaXmPLvHcESHA=");
    assert_eq!(lines[0]["span"]["xray"], XRAY);
    assert_eq!(lines[0]["fields"]["posted"], "ToConnection");
}

/// By the queue: the request is in what is owed, and in the lines of the function that settles it, however often it fails.
#[tokio::test]
async fn a_push_is_found_through_the_queue_to_its_post() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    begin();
    let mut other = push_event(&bed, &token, "another-request=");
    other["headers"]["topic"] = json!("t");
    bed.peers.fail(A.id, PostError::Internal);
    bed.run_push(&other).await;
    bed.run_push(&push_event(&bed, &token, "JKJaXmPLvHcESHA=")).await;
    let mut owed: Vec<_> = bed.owed().into_iter().map(|(body, _)| body).collect();
    bed.drain(&owed).await;
    owed = bed.owed().into_iter().map(|(body, _)| body).collect();
    bed.peers.open(A.id);
    bed.drain(&owed).await;
    let lines = take();
    for request in ["JKJaXmPLvHcESHA=", "another-request="] {
        assert_eq!(
            about(&lines, request),
            ["a post failed; the message is owed", "accepted", "a drain goes on later", "drained a page"],
            "{lines:?}"
        );
    }
    assert_eq!(bed.peers.take(A.id).len(), 2);
}

/// By a `hello` that drains: its line names the requests whose messages it has posted, and its own.
#[tokio::test]
async fn what_has_waited_is_found_where_it_was_posted() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    begin();
    bed.run_push(&push_event(&bed, &token, "JKJaXmPLvHcESHA=")).await;
    for _ in 0..100 {
        bed.deliver(&token, 60).await;
    }
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    let lines = take();
    assert_eq!(about(&lines, "JKJaXmPLvHcESHA="), ["accepted", "drained a page"]);
    let arrived = lines.iter().find(|line| line["fields"]["message"] == "arrived").unwrap();
    let hello = arrived["span"]["request"].as_str().unwrap();
    bed.drain(&[bed.owed().remove(0).0]).await;
    assert_eq!(about(&take(), hello), ["drained a page"], "the rest carries the hello's");
}

/// Each answer has it too, those that refuse included; never the sender's own.
#[tokio::test]
async fn warnings_and_refusals_carry_it() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    begin();
    bed.peers.fail(A.id, PostError::Internal);
    bed.run_push(&push_event(&bed, &token, "JKJaXmPLvHcESHA=")).await;
    let lines = take();
    assert_eq!(about(&lines, "JKJaXmPLvHcESHA="), ["a post failed; the message is owed", "accepted"]);
    assert_eq!((&lines[0]["level"], &lines[0]["span"]["xray"]), (&json!("WARN"), &json!(XRAY)));
    let mut event = push_event(&bed, &token[1..], "refused-request=");
    event["headers"]["x-request-id"] = json!("the-senders-own");
    event["headers"]["x-amzn-trace-id"] = json!("Root=a secret");
    let answer = bed.run_push(&event).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["x-request-id"]),
        (404, &"refused-request=".parse().unwrap())
    );
    for answer in [
        bed.validate(&token).await,
        bed.revoke(&token, &bed.server).await,
        bed.ask("GET", &format!("{PUBLIC_URL}/receipts/x")).await,
        bed.ask("DELETE", &format!("{PUBLIC_URL}/messages/x")).await,
    ] {
        assert!(answer.headers().contains_key("x-request-id"), "{answer:?}");
    }
}
