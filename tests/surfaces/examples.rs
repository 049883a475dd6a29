//! A message of each kind, as it crosses.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use signalbox_wire::{
    Ack, AckUpdate, BroadcastSubscribe, ChannelId, ErrorMessage, ErrorReason, Hello, HelloAnswer, Nack,
    Notification, NotificationHeaders, Register, RegisterAnswer, ServiceMessage, TerminalMessage, Unregister,
    UnregisterAnswer,
};

const UAID: &str = "24d95bb0e11204aa96d63e15a719aeff";
const ENROLMENT: &str = "qD8zRk2VtXw5NhYc7LpBs3GfJm9TaEuK";
const VERSION: &str = "AQGibUDMPx0nUQJ7eZ3wYc9yIhQ0m8v2sKcVxkq5Yg";
const ENDPOINT: &str = "https://push.example/push/AQFLobDsY_S_0kq3Vw7hTzY2xJmNfR8uPdGcEaXo5iLs9ZtBvHrW";
const SERVER_KEY: &str =
    "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
const PAYLOAD: &str = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

fn channel() -> ChannelId {
    "5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d".parse().expect("a channel")
}

/// What terminals send.
pub fn taken() -> Vec<Value> {
    use TerminalMessage as M;
    let hello = Hello { use_webpush: Some(true), ..Hello::default() };
    let register = Register { channel: channel(), key: None, app: None, encodings: Vec::new() };
    let update = AckUpdate { channel: channel(), version: VERSION.into(), code: Some(100) };
    let typed = [
        M::Hello(hello.clone()),
        M::Hello(Hello { uaid: Some(UAID.into()), ..hello.clone() }),
        M::Hello(Hello { uaid: Some(UAID.into()), urgency: Some("normal".into()), ..hello.clone() }),
        M::Hello(Hello { enrolment: Some(ENROLMENT.into()), ..hello }),
        M::Register(register.clone()),
        M::Register(Register {
            app: Some("org.example.mail".into()),
            key: Some(SERVER_KEY.into()),
            ..register.clone()
        }),
        M::Register(Register { encodings: vec!["identity".into()], ..register }),
        M::Unregister(Unregister { channel: channel(), code: Some(200) }),
        M::Ack(Ack { updates: vec![update] }),
        M::Nack(Nack { version: VERSION.into(), code: Some(301) }),
        M::Ping,
        M::BroadcastSubscribe(BroadcastSubscribe {
            broadcasts: BTreeMap::from([("remote-settings/monitor_changes".into(), "\"1\"".into())]),
        }),
    ];
    let mut all: Vec<Value> = typed.iter().map(|message| json!(message)).collect();
    all.push(json!({}));
    all
}

/// What the service sends.
pub fn sent() -> Vec<Value> {
    use ServiceMessage as M;
    let registered = |status, endpoint: Option<&str>, detail: Option<&str>| {
        M::Register(RegisterAnswer {
            channel: channel(),
            status,
            endpoint: endpoint.map(Into::into),
            detail: detail.map(Into::into),
        })
    };
    let notification = |data: Option<&str>, headers| {
        M::Notification(Notification {
            channel: channel(),
            version: VERSION.into(),
            data: data.map(Into::into),
            headers,
        })
    };
    let aes128gcm = NotificationHeaders { encoding: "aes128gcm".into(), encryption: None, crypto_key: None };
    let identity = NotificationHeaders { encoding: "identity".into(), encryption: None, crypto_key: None };
    let aesgcm = NotificationHeaders {
        encoding: "aesgcm".into(),
        encryption: Some("salt=lngarbyKfMoi9Z75xYXmkg".into()),
        crypto_key: Some(format!("dh={SERVER_KEY}")),
    };
    let typed = [
        M::Hello(HelloAnswer {
            uaid: UAID.into(),
            status: 200,
            use_webpush: true,
            broadcasts: BTreeMap::new(),
        }),
        registered(200, Some(ENDPOINT), None),
        registered(400, None, Some("key is not base64url")),
        M::Unregister(UnregisterAnswer { channel: channel(), status: 200 }),
        notification(Some(PAYLOAD), Some(aes128gcm)),
        notification(Some("6nqAQUME8hNqw5J3kl8cpVVJylXKYqZOeseZG8UueKpA"), Some(aesgcm)),
        notification(Some("eyJzY29yZSI6IjI6MSJ9"), Some(identity)),
        notification(None, None),
        M::Error(ErrorMessage {
            reason: ErrorReason::NoHello,
            detail: "the first message of a connection must be hello".into(),
        }),
    ];
    let mut all: Vec<Value> = typed.iter().map(|message| json!(message)).collect();
    all.push(json!({}));
    all
}

/// The kind of a message: an empty one is a ping or the answer to it.
pub fn kind<'m>(message: &'m Value, empty: &'m str) -> &'m str {
    message["messageType"].as_str().unwrap_or(empty)
}
