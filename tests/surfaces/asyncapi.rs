//! The terminal's WebSocket, as `docs/asyncapi.json` describes it.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use signalbox_wire::form::Empty;
use signalbox_wire::{SUBPROTOCOL, ServiceMessage, TerminalMessage};

use crate::examples;
use crate::schemas::Schemas;

const ABOUT: &str = "\
What crosses the WebSocket between a terminal and the service, as docs/API.md says it. The document is the service's: it \
receives what terminals send.

Each message is one text frame with one JSON object of at most 128 KB; `messageType` says which. Members that are not named \
here are ignored. After an `error` the service closes the connection; it may also close it without one, where a newer \
connection has taken over or a post has failed. In the cloud the gateway itself may send `{\"message\": ...}` without a \
`messageType`: the function failed.";

/// Which messages come back, beside `error`, which can follow everything.
fn answered_by(kind: &str) -> &'static [&'static str] {
    match kind {
        "hello" => &["helloAnswer"],
        "register" => &["registerAnswer"],
        "unregister" => &["unregisterAnswer"],
        "ping" => &["pong"],
        _ => &[],
    }
}

/// The service's messages have names of their own where a terminal's message is of the same kind.
pub fn name_of_sent(kind: &str) -> String {
    match kind {
        "hello" | "register" | "unregister" => format!("{kind}Answer"),
        kind => kind.to_owned(),
    }
}

pub fn document() -> Value {
    // What AsyncAPI takes without being told a format is a superset of draft 07.
    let mut schemas = Schemas::new(SchemaSettings::draft07());
    let mut messages = Map::new();
    let mut operations = Map::new();

    let (empty, all) = (schemas.taken::<Empty>(), schemas.taken::<TerminalMessage>());
    for (kind, mut payload) in schemas.messages(&all) {
        if kind == "ping" {
            payload = json!({"description": payload["description"], "oneOf": [empty, payload]});
        }
        let of_kind = examples::taken().into_iter().filter(|example| examples::kind(example, "ping") == kind);
        messages.insert(kind.clone(), message(&kind, &payload, of_kind));
        operations.insert(format!("receive_{kind}"), receive(&kind));
    }

    let (empty, all) = (schemas.sent::<Empty>(), schemas.sent::<ServiceMessage>());
    let mut sent = schemas.messages(&all);
    sent.push(("pong".to_owned(), json!({"description": "The answer to a ping. Where the deployment keeps connections alive it also comes unasked, every 8 minutes.", "allOf": [empty]})));
    for (kind, payload) in sent {
        let name = name_of_sent(&kind);
        let of_kind = examples::sent().into_iter().filter(|example| examples::kind(example, "pong") == kind);
        messages.insert(name.clone(), message(&kind, &payload, of_kind));
        operations.insert(
            format!("send_{name}"),
            json!({"action": "send", "channel": {"$ref": "#/channels/terminal"}, "messages": [of_channel(&name)]}),
        );
    }

    let in_channel: Map<_, _> = messages
        .keys()
        .map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Signalbox, the terminal's WebSocket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": env!("CARGO_PKG_LICENSE")},
        },
        "defaultContentType": "application/json",
        "servers": {
            "machine": {
                "host": "127.0.0.1:8080",
                "protocol": "ws",
                "description": "`signalbox serve` on one machine; with --tls the protocol is wss.",
            },
            "cloud": {
                "host": "{api}.execute-api.{region}.amazonaws.com",
                "pathname": "/live",
                "protocol": "wss",
                "description": "The output WebSocketUrl of the stack.",
                "variables": {"api": {"description": "The id of the API."}, "region": {"default": "us-east-1"}},
            },
        },
        "channels": {"terminal": {
            "address": "/",
            "description": "One connection of one terminal. Its first message is `hello`.",
            "messages": in_channel,
            "bindings": {"ws": {
                "method": "GET",
                "headers": {
                    "type": "object",
                    "properties": {"Sec-WebSocket-Protocol": {
                        "type": "string",
                        "const": SUBPROTOCOL,
                        "description": "Offered by the terminal, and echoed.",
                    }},
                },
            }},
        }},
        "operations": operations,
        "components": {"messages": messages, "schemas": schemas.named()},
    })
}

fn message(kind: &str, payload: &Value, examples: impl Iterator<Item = Value>) -> Value {
    let examples: Vec<_> = examples.map(|payload| json!({"payload": payload})).collect();
    json!({"name": kind, "summary": payload["description"], "payload": payload, "examples": examples})
}

fn receive(kind: &str) -> Value {
    let answers: Vec<_> = answered_by(kind).iter().chain(&["error"]).map(|name| of_channel(name)).collect();
    json!({
        "action": "receive",
        "channel": {"$ref": "#/channels/terminal"},
        "messages": [of_channel(kind)],
        "reply": {"channel": {"$ref": "#/channels/terminal"}, "messages": answers},
    })
}

fn of_channel(message: &str) -> Value {
    json!({"$ref": format!("#/channels/terminal/messages/{message}")})
}
