//! What comes of it when something leaks; see docs/THREATS.md.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::http::header::LINK;
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_domain::{
    Acceptance, ConnectionId, EventId, KeyRing, MessageKey, MessageKind, Purpose, SessionRequest, TerminalId,
    Token, Uaid,
};
use signalbox_wire::base64url;

use crate::bed::{A, B, Bed, CHANNEL, KEY_RING, PUBLIC_URL, problem, versions};
use crate::events::Link;

const OTHER_CHANNEL: &str = "6b7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";
const C: Link = Link { id: "connection-c=", connected: 3_000 };

/// Everything that stands in the tables: names and values, as bytes.
async fn dump(bed: &Bed) -> Vec<(String, Vec<u8>)> {
    let mut dump = Vec::new();
    for table in ["terminals", "messages", "connections"] {
        let rows = bed.tables.scan().table_name(table).send().await.unwrap();
        assert!(rows.last_evaluated_key().is_none() && rows.count() > 0, "{table}");
        for (name, value) in rows.items().iter().flatten() {
            flatten(name, value, &mut dump);
        }
    }
    dump
}

fn flatten(name: &str, value: &AttributeValue, dump: &mut Vec<(String, Vec<u8>)>) {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => {
            dump.push((name.to_owned(), text.clone().into_bytes()));
        }
        AttributeValue::B(bytes) => dump.push((name.to_owned(), bytes.as_ref().to_owned())),
        AttributeValue::Bool(_) | AttributeValue::Null(_) => {}
        AttributeValue::L(values) => values.iter().for_each(|value| flatten(name, value, dump)),
        other => panic!("{name} is of a kind that is not looked into: {other:?}"),
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn last_segment(url: &str) -> String {
    url.rsplit('/').next().unwrap().to_owned()
}

/// The terminal's own row.
async fn row_of(bed: &Bed, uaid: &str) -> HashMap<String, AttributeValue> {
    let terminal = TerminalId::of(&uaid.parse::<Uaid>().unwrap());
    let get = bed.tables.get_item().table_name("terminals");
    let get = get.key("pk", AttributeValue::S(terminal.to_string())).key("sk", AttributeValue::S("T".into()));
    get.send().await.unwrap().item.unwrap()
}

/// R9, R14: who has read all the tables has no secret, and opens nothing with anything that stands there.
#[tokio::test]
async fn a_dump_of_the_tables_holds_no_secret_and_opens_nothing() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let implicit = bed.token(A, CHANNEL, json!({})).await;
    let explicit = bed.token(A, OTHER_CHANNEL, json!({"app": "mail"})).await;
    assert_eq!(bed.validate(&explicit).await.status(), 200);
    let answer = bed.push_with(&implicit, 60, &[("prefer", "respond-async")]).await;
    let version = versions(&bed.peers.take(A.id)).remove(0);
    let location = last_segment(answer.headers()["location"].to_str().unwrap());
    let receipt = last_segment(answer.headers()[LINK].to_str().unwrap().split('>').next().unwrap());
    let dump = dump(&bed).await;
    assert!(dump.iter().any(|(name, _)| name == "digest") && dump.iter().any(|(name, _)| name == "body"));

    let ring = "an example secret that is long enough";
    assert!(KEY_RING.contains(ring));
    let secrets =
        [&uaid, &implicit, &explicit, &version, &location, &receipt, bed.server.private_key(), ring];
    for (name, value) in &dump {
        for secret in secrets {
            assert!(!contains(value, secret.as_bytes()), "{name} holds {secret}");
            let raw = base64url::decode(secret).unwrap_or_default();
            assert!(raw.is_empty() || !contains(value, &raw), "{name} holds the bytes of {secret}");
        }
        assert!(name != "body" || !contains(value, b"hello"), "the body can be read");
    }

    let _ = bed.dynamo.take();
    for (name, value) in dump {
        for text in [String::from_utf8(value.clone()).unwrap_or_default(), base64url::encode(&value)] {
            let usable = !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
            if !usable {
                continue;
            }
            assert_eq!(problem(&bed.push(&text, 60).await), (404, "token-unknown".into()), "{name}: {text}");
            assert_eq!(problem(&bed.validate(&text).await), (404, "token-unknown".into()), "{name}: {text}");
            let url = format!("{PUBLIC_URL}/messages/{text}");
            assert_eq!(problem(&bed.ask("DELETE", &url).await), (404, "message-unknown".into()), "{name}");
            bed.acknowledge(A, &[&text]).await;
            assert!(text.parse::<Uaid>().is_err(), "{name} may be a uaid: {text}");
        }
    }
    assert_eq!(bed.dynamo.take_operations().len(), 0, "nothing of it names anything");
    assert_eq!(bed.peers.take(A.id).len(), 0);
}

/// R14: a token that somebody makes who has the key ring is genuine, and is not the one that was issued.
#[tokio::test]
async fn the_key_ring_alone_makes_no_token_that_counts() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let issued = bed.token(A, CHANNEL, json!({})).await;
    let ring = KeyRing::from_json(KEY_RING).unwrap();
    let terminal = TerminalId::of(&uaid.parse::<Uaid>().unwrap());
    let event: (ConnectionId, EventId) = (A.id.parse().unwrap(), "made-up=".parse().unwrap());
    let request = SessionRequest::default();
    let made =
        Token::issue(&ring, (&event.0, &event.1), terminal, CHANNEL.parse().unwrap(), &request).unwrap();
    assert_ne!(made.expose(), issued);
    assert_eq!(problem(&bed.push(made.expose(), 60).await), (410, "session-ended".into()));
    assert_eq!(bed.validate(made.expose()).await.status(), 410);
    assert_eq!(bed.peers.take(A.id).len(), 0);
}

/// A limit: the row of a terminal that is still on its first connection says what its uaid was derived from.
#[tokio::test]
async fn key_ring_and_tables_together_give_the_uaid_of_a_new_terminal() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let ring = KeyRing::from_json(KEY_RING).unwrap();
    let derived = |row: &HashMap<String, AttributeValue>| {
        let connection = row["connection"].as_s().unwrap().parse().unwrap();
        let event = row["hello"].as_s().unwrap().parse().unwrap();
        Uaid::derive(&ring, &connection, &event).expose().to_owned()
    };
    assert_eq!(derived(&row_of(&bed, &uaid).await), uaid);
    // Later rows say so no more.
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    assert_ne!(derived(&row_of(&bed, &uaid).await), uaid);
}

/// A limit: with both a waiting message's names can be made, and it can be withdrawn, but not read.
#[tokio::test]
async fn key_ring_and_tables_together_withdraw_what_waits() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.disconnect(A).await;
    bed.deliver(&token, 60).await;
    let rows = bed.tables.scan().table_name("messages").send().await.unwrap();
    let accepted = Acceptance::from_text(rows.items()[0]["mid"].as_s().unwrap()).unwrap();
    let terminal = TerminalId::of(&uaid.parse::<Uaid>().unwrap());
    let key = MessageKey { terminal, accepted, kind: MessageKind::Stored, receipt: false };
    let ring = KeyRing::from_json(KEY_RING).unwrap();
    let name = key.seal(&ring, Purpose::Location, ring.sealing_key()).unwrap();
    let url = format!("{PUBLIC_URL}/messages/{}", name.as_str());
    assert_eq!(bed.ask("DELETE", &url).await.status(), 204);
    bed.peers.open(B.id);
    assert_eq!(versions(&bed.hello(B, Some(&uaid)).await).len(), 0);
}

/// A limit: the uaid is all that a terminal is known by. Who has it gets what waits, ends sessions, and closes the terminal's
/// own connection. The terminal takes its place back in the same way.
#[tokio::test]
async fn whoever_has_the_uaid_is_the_terminal() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({})).await;
    bed.deliver(&token, 60).await;
    let _ = bed.peers.take(A.id);

    bed.peers.open(B.id);
    let stolen = bed.hello(B, Some(&uaid)).await;
    assert_eq!(versions(&stolen).len(), 1);
    assert!(bed.peers.is_closed(A.id));
    // It is told no endpoint, and the body is as the sender has encrypted it.
    assert!(!json!(stolen).to_string().contains(&token));

    bed.peers.open(C.id);
    assert_eq!(versions(&bed.hello(C, Some(&uaid)).await), versions(&stolen));
    assert!(bed.peers.is_closed(B.id));
    bed.unregister(C, CHANNEL).await;
    assert_eq!(problem(&bed.push(&token, 60).await), (410, "session-ended".into()));
}

/// A limit: where the application named no key, whoever has the endpoint may send. Where it named one, its server alone
/// does.
#[tokio::test]
async fn whoever_has_an_endpoint_without_a_key_may_send() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let open = bed.token(A, CHANNEL, json!({})).await;
    let named = bed.token(A, OTHER_CHANNEL, json!({"key": bed.server.public_key()})).await;
    let stranger = VapidKey::generate().unwrap();
    let by = |token: &str, authorization: Option<String>| {
        let mut event = bed.push_event(token, 60);
        let headers = event["headers"].as_object_mut().unwrap();
        match authorization {
            Some(header) => headers.insert("authorization".into(), Value::String(header)),
            None => headers.remove("authorization"),
        };
        event
    };
    let strangers = || Some(stranger.authorization(PUBLIC_URL).unwrap());
    for event in [by(&open, None), by(&open, strangers())] {
        assert_eq!(bed.run_push(&event).await.status(), 201);
    }
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 2);
    assert_eq!(problem(&bed.run_push(&by(&named, None)).await), (401, "vapid-missing".into()));
    assert_eq!(problem(&bed.run_push(&by(&named, strangers())).await), (403, "other-server".into()));
    assert_eq!(bed.peers.take(A.id).len(), 0);
}

/// A limit: where an explicit session's application named no key, whoever validates first with its endpoint is its server, and
/// the application's own is refused.
#[tokio::test]
async fn whoever_validates_first_is_the_server_where_none_is_named() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    let thief = VapidKey::generate().unwrap();
    let validated = bed.run_validate(&bed.validate_event(&token, &thief)).await;
    assert_eq!(validated.status(), 200);
    assert_eq!(problem(&bed.validate(&token).await), (403, "other-server".into()));
    // A key that is named keeps the thief out.
    let named = bed.token(A, OTHER_CHANNEL, json!({"app": "mail", "key": bed.server.public_key()})).await;
    let refused = bed.run_validate(&bed.validate_event(&named, &thief)).await;
    assert_eq!(problem(&refused), (403, "other-server".into()));
    assert_eq!(bed.validate(&named).await.status(), 200);
}
