use std::time::Duration;

use signalbox::client::{Terminal, TerminalError};

use crate::support::{PATIENCE, Service};

/// Where the connection stands when the message comes.
#[derive(Debug, Clone, Copy)]
pub enum Connection {
    /// It has not said `hello`.
    New,
    /// It has.
    Provisioned,
    /// It has not, and a newer one of its terminal has.
    Overtaken,
}

/// What a message is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `error` with this reason, and a detail with these words; then the connection is closed.
    Error(&'static str, &'static str),
    /// The message's own answer with this status, and of `register` a detail with these words.
    Status(u16, &'static str),
}

/// A message, and what it is answered.
pub struct Row {
    /// In words, by which the row is named.
    pub what: &'static str,
    on: Connection,
    /// `{uaid}` stands for the terminal's.
    text: &'static str,
    pub answer: Answer,
}

const fn row(what: &'static str, on: Connection, text: &'static str, answer: Answer) -> Row {
    Row { what, on, text, answer }
}

use Answer::{Error, Status};
use Connection::{New, Overtaken, Provisioned};

const CANONICAL: &str = "channelID must be a UUID";

pub const ROWS: &[Row] = &[
    row("no JSON", New, "nonsense", Error("malformed", "must be a JSON object")),
    row("no text", New, "", Error("malformed", "must be a JSON object")),
    row("JSON that is no object", New, "[]", Error("malformed", "must be a JSON object")),
    row(
        "JSON that is cut",
        Provisioned,
        r#"{"messageType":"ping""#,
        Error("malformed", "must be a JSON object"),
    ),
    row("a uaid that is a number", New, r#"{"messageType":"hello","uaid":7}"#, Error("malformed", "hello: ")),
    row(
        "an urgency that is none",
        New,
        r#"{"messageType":"hello","use_webpush":true,"urgency":"soon"}"#,
        Error("malformed", "urgency must be one of very-low, low, normal and high"),
    ),
    row(
        "a register without a channel",
        Provisioned,
        r#"{"messageType":"register"}"#,
        Error("malformed", "channelID"),
    ),
    row(
        "a register of a channel in capitals",
        Provisioned,
        r#"{"messageType":"register","channelID":"5A7B9C1D-2E3F-4A5B-8C6D-7E8F9A0B1C2D"}"#,
        Error("malformed", CANONICAL),
    ),
    row(
        "an unregister of a channel that is none",
        Provisioned,
        r#"{"messageType":"unregister","channelID":"ABC"}"#,
        Error("malformed", CANONICAL),
    ),
    row("an ack of nothing", Provisioned, r#"{"messageType":"ack"}"#, Error("malformed", "ack: ")),
    row(
        "an ack of a channel that is none",
        Provisioned,
        r#"{"messageType":"ack","updates":[{"channelID":"ABC","version":"v"}]}"#,
        Error("malformed", CANONICAL),
    ),
    row("a nack of nothing", Provisioned, r#"{"messageType":"nack"}"#, Error("malformed", "nack: ")),
    row("an unknown message", New, r#"{"messageType":"nonsense"}"#, Error("unknown-message", "\"nonsense\"")),
    row(
        "a message named as a route",
        New,
        r#"{"messageType":"$disconnect"}"#,
        Error("unknown-message", "\"$disconnect\""),
    ),
    row(
        "a message without a type",
        Provisioned,
        r#"{"uaid":"u"}"#,
        Error("unknown-message", "must be empty"),
    ),
    row(
        "a protocol of before",
        New,
        r#"{"messageType":"hello","use_webpush":false}"#,
        Error("not-web-push", "use_webpush must be true"),
    ),
    row(
        "hello twice",
        Provisioned,
        r#"{"messageType":"hello","use_webpush":true}"#,
        Error("second-hello", "has said hello before"),
    ),
    row(
        "hello as the terminal twice",
        Provisioned,
        r#"{"messageType":"hello","use_webpush":true,"uaid":"{uaid}"}"#,
        Error("second-hello", "has said hello before"),
    ),
    row(
        "hello of an older connection",
        Overtaken,
        r#"{"messageType":"hello","use_webpush":true,"uaid":"{uaid}"}"#,
        Error("superseded", "a newer connection"),
    ),
    row(
        "a register before hello",
        New,
        r#"{"messageType":"register","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d"}"#,
        Error("no-hello", "must be hello"),
    ),
    row(
        "an unregister before hello",
        New,
        r#"{"messageType":"unregister","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d"}"#,
        Error("no-hello", "must be hello"),
    ),
    row("hello", New, r#"{"messageType":"hello"}"#, Status(200, "")),
    row("hello by a uaid that is none", New, r#"{"messageType":"hello","uaid":"nonsense"}"#, Status(200, "")),
    row(
        "a register",
        Provisioned,
        r#"{"messageType":"register","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d"}"#,
        Status(200, ""),
    ),
    row(
        "a register with a bad name",
        Provisioned,
        r#"{"messageType":"register","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d","app":"a b"}"#,
        Status(400, "app must be"),
    ),
    row(
        "a register with a key of other characters",
        Provisioned,
        r#"{"messageType":"register","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d","key":"*"}"#,
        Status(400, "key is not base64url"),
    ),
    row(
        "a register with a short key",
        Provisioned,
        r#"{"messageType":"register","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d","key":"AAAA"}"#,
        Status(400, "key must be an uncompressed P-256 point"),
    ),
    row(
        "an unregister of a channel without a session",
        Provisioned,
        r#"{"messageType":"unregister","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d"}"#,
        Status(200, ""),
    ),
];

/// What the protocol does not allow is named before the connection is closed; what it has a status for is answered, and
/// the connection goes on.
#[tokio::test]
async fn every_mistake_of_a_terminal_is_answered_as_listed() {
    let service = Service::start();
    for row in ROWS {
        // The emulator that the deployed suite runs on gives a connection the time of each event: none is older there.
        if matches!(row.on, Overtaken) && !service.is_local() {
            continue;
        }
        // The other connection of its terminal stays open meanwhile.
        let (mut terminal, uaid, _other) = connection(&service, row.on).await;
        let text = row.text.replace("{uaid}", &uaid);
        match row.answer {
            Error(reason, says) => {
                terminal.send_text(text).await.unwrap();
                assert_error_and_end(&mut terminal, row.what, (reason, says)).await;
            }
            Status(status, says) => {
                let (got, detail) = answer(&mut terminal, &text).await;
                assert_eq!(got, status, "{}: {detail}", row.what);
                assert!(detail.starts_with(says), "{}: {detail}", row.what);
                terminal.ping().await.unwrap();
                terminal.pong().await.unwrap_or_else(|error| panic!("{}: {error}", row.what));
            }
        }
    }
}

/// A connection in that state, its terminal's uaid, and what other connection belongs to it.
async fn connection(service: &Service, on: Connection) -> (Terminal, String, Option<Terminal>) {
    match on {
        New => (service.connect().await, String::new(), None),
        Provisioned => {
            let (terminal, hello) = service.terminal().await;
            (terminal, hello.uaid, None)
        }
        Overtaken => {
            let (first, hello) = service.terminal().await;
            first.close().await.unwrap();
            let older = service.connect().await;
            // Which is newer is told by the millisecond.
            tokio::time::sleep(Duration::from_millis(50)).await;
            let newer = service.again(&hello.uaid).await;
            (older, hello.uaid, Some(newer))
        }
    }
}

/// The first thing that comes is the error, and the last.
async fn assert_error_and_end(terminal: &mut Terminal, what: &str, (reason, says): (&str, &str)) {
    let came = tokio::time::timeout(PATIENCE, terminal.next()).await.expect(what);
    let Err(TerminalError::Refused { reason: got, detail }) = came else { panic!("{what}: {came:?} came") };
    assert_eq!(got, reason, "{what}: {detail}");
    assert!(detail.contains(says), "{what}: {detail}");
    let end = tokio::time::timeout(PATIENCE, terminal.next()).await.expect("the connection is closed");
    assert!(matches!(end, Err(TerminalError::Closed | TerminalError::Connection(_))), "{what}: {end:?}");
}

/// Sends a message that has an answer of its own: its status, and its detail.
async fn answer(terminal: &mut Terminal, text: &str) -> (u16, String) {
    match serde_json::from_str(text).unwrap() {
        signalbox_wire::TerminalMessage::Hello(hello) => {
            (terminal.hello_as(hello).await.unwrap().status, String::new())
        }
        signalbox_wire::TerminalMessage::Register(register) => {
            let answer = terminal.register(register).await.unwrap();
            assert_eq!(answer.endpoint.is_some(), answer.status == 200);
            (answer.status, answer.detail.unwrap_or_default())
        }
        signalbox_wire::TerminalMessage::Unregister(unregister) => {
            (terminal.unregister(unregister).await.unwrap().status, String::new())
        }
        other => panic!("{other:?} has no answer with a status"),
    }
}

impl Row {
    /// The message's own name.
    pub fn message(&self) -> &'static str {
        let behind = self.text.split("\"messageType\":\"").nth(1).unwrap_or_default();
        behind.split('"').next().unwrap_or_default()
    }
}
