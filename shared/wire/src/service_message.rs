use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ChannelId;
#[cfg(feature = "schema")]
use crate::form;

/// The answer to a ping: an empty object, which a terminal may also get unasked.
pub const PONG: &str = "{}";

/// A message from the push service to a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "messageType", rename_all = "snake_case")]
pub enum ServiceMessage {
    /// The configuring message (R3).
    Hello(HelloAnswer),
    /// The session's token, or why there is none.
    Register(RegisterAnswer),
    /// The session has ended.
    Unregister(UnregisterAnswer),
    /// A notification.
    Notification(Notification),
    /// The terminal did what the protocol does not allow; the connection is closed after it.
    Error(ErrorMessage),
}

impl ServiceMessage {
    /// The JSON text of the frame.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys always serialize; the alternative cannot be reached.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// `hello`: the terminal is provisioned and may ask for sessions.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HelloAnswer {
    /// The terminal's secret name. Where it differs from the one asked for, the terminal is new and its sessions are gone.
    #[cfg_attr(feature = "schema", schemars(with = "form::Uaid"))]
    pub uaid: String,
    /// 200, or 403 to a suspended terminal.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [200, 403])))]
    pub status: u16,
    /// Always true.
    #[cfg_attr(feature = "schema", schemars(extend("const" = true)))]
    pub use_webpush: bool,
    /// Broadcasts are not served: always empty.
    #[cfg_attr(feature = "schema", schemars(extend("maxProperties" = 0)))]
    pub broadcasts: BTreeMap<String, String>,
}

impl std::fmt::Debug for HelloAnswer {
    /// Without what is secret (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HelloAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}

/// `register`: the answer to a session request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RegisterAnswer {
    /// The channel asked for.
    #[serde(rename = "channelID")]
    pub channel: ChannelId,
    /// 200, or the refusal: 400 bad member, 403 not allowed, 500 try again.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [200, 400, 403, 500])))]
    pub status: u16,
    /// Where the application server sends; the last path segment is the token. With status 200 only.
    #[serde(rename = "pushEndpoint", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Endpoint"))]
    pub endpoint: Option<String>,
    /// What is wrong, in words. With a refusal only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub detail: Option<String>,
}

impl std::fmt::Debug for RegisterAnswer {
    /// Without what is secret (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegisterAnswer")
            .field("channel", &self.channel)
            .field("status", &self.status)
            .field("detail", &self.detail)
            .finish_non_exhaustive()
    }
}

/// `unregister`: the answer to an `unregister`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct UnregisterAnswer {
    /// The channel asked for.
    #[serde(rename = "channelID")]
    pub channel: ChannelId,
    /// 200, also where there was no such session; 500 try again.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [200, 500])))]
    pub status: u16,
}

/// A notification on its way to the application.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Notification {
    /// The channel of the session.
    #[serde(rename = "channelID")]
    pub channel: ChannelId,
    /// The notification's name: one for each, the same on every delivery.
    #[cfg_attr(feature = "schema", schemars(with = "form::MessageName"))]
    pub version: String,
    /// The payload in base64url; absent from a notification without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Base64Url"))]
    pub data: Option<String>,
    /// How the payload is encrypted; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "NotificationHeaders"))]
    pub headers: Option<NotificationHeaders>,
}

impl std::fmt::Debug for Notification {
    /// Without the version, which is the right to acknowledge, and the payload (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notification")
            .field("channel", &self.channel)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// How a payload is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct NotificationHeaders {
    /// The content coding of the payload: `aes128gcm`, or `aesgcm` of old senders.
    #[cfg_attr(feature = "schema", schemars(with = "form::Coding"))]
    pub encoding: String,
    /// The salt of an `aesgcm` payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Salt"))]
    pub encryption: Option<String>,
    /// The sender's key of an `aesgcm` payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::SenderKey"))]
    pub crypto_key: Option<String>,
}

/// `error`: what the terminal did wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ErrorMessage {
    /// A short stable word.
    pub reason: ErrorReason,
    /// A sentence that names the member and the rule.
    pub detail: String,
}

/// What a terminal did wrong, or why it is to connect again. Listed with cause and cure in `docs/API.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ErrorReason {
    /// The message is not a JSON object, or a member is missing or of the wrong form.
    Malformed,
    /// `messageType` is not known, or is missing from a message that is not empty.
    UnknownMessage,
    /// `use_webpush` is false.
    NotWebPush,
    /// The service takes new terminals with an enrolment key alone, and none that counts was presented.
    NotEnrolled,
    /// The connection has said `hello` before.
    SecondHello,
    /// A newer connection of this terminal has taken over.
    Superseded,
    /// The connection has not said `hello`.
    NoHello,
    /// The terminal is not provisioned on this connection.
    NotProvisioned,
    /// The service could not complete it.
    Unavailable,
}

impl ErrorReason {
    /// Every reason that there is.
    pub const ALL: &[Self] = &[
        Self::Malformed,
        Self::UnknownMessage,
        Self::NotWebPush,
        Self::NotEnrolled,
        Self::SecondHello,
        Self::Superseded,
        Self::NoHello,
        Self::NotProvisioned,
        Self::Unavailable,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownMessage => "unknown-message",
            Self::NotWebPush => "not-web-push",
            Self::NotEnrolled => "not-enrolled",
            Self::SecondHello => "second-hello",
            Self::Superseded => "superseded",
            Self::NoHello => "no-hello",
            Self::NotProvisioned => "not-provisioned",
            Self::Unavailable => "unavailable",
        }
    }
}

impl std::fmt::Display for ErrorReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str = "5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d";

    #[test]
    fn the_configuring_message_is_what_firefox_reads() {
        let answer = ServiceMessage::Hello(HelloAnswer {
            uaid: "u".into(),
            status: 200,
            use_webpush: true,
            broadcasts: BTreeMap::new(),
        });
        assert_eq!(
            answer.to_json(),
            r#"{"messageType":"hello","uaid":"u","status":200,"use_webpush":true,"broadcasts":{}}"#
        );
    }

    #[test]
    fn a_reason_is_printed_as_it_is_sent() {
        for reason in ErrorReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.to_string());
        }
        let error = ErrorMessage { reason: ErrorReason::SecondHello, detail: "d".into() };
        assert_eq!(
            ServiceMessage::Error(error).to_json(),
            r#"{"messageType":"error","reason":"second-hello","detail":"d"}"#
        );
    }

    /// Standards: a notification without a body carries neither `data` nor `headers`.
    #[test]
    fn a_notification_without_a_body_has_no_data_and_no_headers() {
        let notification = ServiceMessage::Notification(Notification {
            channel: CHANNEL.parse().unwrap(),
            version: "v".into(),
            data: None,
            headers: None,
        });
        assert_eq!(
            notification.to_json(),
            format!(r#"{{"messageType":"notification","channelID":"{CHANNEL}","version":"v"}}"#)
        );
    }
}
