use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ChannelId;
#[cfg(feature = "schema")]
use crate::form;

/// A message from a terminal, told apart by `messageType` (Mozilla's push protocol).
///
/// API Gateway routes by the same member, so a function deserializes just the message that it is woken for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "messageType", rename_all = "snake_case")]
pub enum TerminalMessage {
    /// The provisioning request (R2).
    Hello(Hello),
    /// The session request (R5).
    Register(Register),
    /// Ends a session.
    Unregister(Unregister),
    /// Acknowledges notifications.
    Ack(Ack),
    /// Says that a notification could not be handled.
    Nack(Nack),
    /// Keeps the connection from being idle. An empty object does the same.
    Ping,
    /// Asks for Mozilla's broadcasts, which are not served: taken, and ignored.
    BroadcastSubscribe(BroadcastSubscribe),
}

/// `hello`: a terminal asks to be provisioned.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Hello {
    /// The terminal's secret name from an earlier `hello`; absent from a new terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Uaid"))]
    pub uaid: Option<String>,
    /// Always true of a terminal of today; `false` asks for a protocol that nobody serves any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "bool", extend("const" = true)))]
    pub use_webpush: Option<bool>,
    /// The least urgent notification that it wants: `very-low`, `low`, `normal` or `high`. What is below waits (RFC 8030
    /// section 5.3). Absent: everything is delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::Urgency"))]
    pub urgency: Option<String>,
    /// An enrolment key, where the service asks new terminals for one and the connection was made without. A terminal that is
    /// known needs none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::EnrolmentKey"))]
    pub enrolment: Option<String>,
}

impl std::fmt::Debug for Hello {
    /// Without what is secret (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hello").field("use_webpush", &self.use_webpush).finish_non_exhaustive()
    }
}

/// `register`: an application on the terminal asks for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Register {
    /// The channel of the new session.
    #[serde(rename = "channelID")]
    pub channel: ChannelId,
    /// The application server key that alone may use the session: an uncompressed P-256 point in base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::ServerKey"))]
    pub key: Option<String>,
    /// The application's name; a session that carries one is validated before anything is delivered (R17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "form::ApplicationName"))]
    pub app: Option<String>,
    /// The codings of bodies that it reads beside those of Web Push: `identity`, bodies that are not encrypted, which the
    /// push service can read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Vec<form::Coding>"))]
    pub encodings: Vec<String>,
}

/// `unregister`: the terminal ends a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Unregister {
    /// The channel of the session.
    #[serde(rename = "channelID")]
    pub channel: ChannelId,
    /// Why: 200 by the user, 201 quota, 202 permission revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u16", extend("enum" = [200, 201, 202])))]
    pub code: Option<u16>,
}

/// `ack`: the terminal took these notifications; they are never sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Ack {
    /// One entry a notification.
    pub updates: Vec<AckUpdate>,
}

/// One acknowledged notification.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AckUpdate {
    /// The channel that the notification came on.
    #[serde(rename = "channelID")]
    pub channel: ChannelId,
    /// The notification's `version`, as it came.
    #[cfg_attr(feature = "schema", schemars(with = "form::MessageName"))]
    pub version: String,
    /// What became of it: 100 delivered, 101 could not be decrypted, 102 not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u16", extend("enum" = [100, 101, 102])))]
    pub code: Option<u16>,
}

impl std::fmt::Debug for AckUpdate {
    /// Without what is secret (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AckUpdate")
            .field("channel", &self.channel)
            .field("code", &self.code)
            .finish_non_exhaustive()
    }
}

/// `nack`: the terminal could not handle a notification.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Nack {
    /// The notification's `version`, as it came.
    #[cfg_attr(feature = "schema", schemars(with = "form::MessageName"))]
    pub version: String,
    /// Why: 301 decryption, 302 not delivered, 303 unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "u16", extend("enum" = [301, 302, 303])))]
    pub code: Option<u16>,
}

impl std::fmt::Debug for Nack {
    /// Without what is secret (I11).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nack").field("code", &self.code).finish_non_exhaustive()
    }
}

/// `broadcast_subscribe`: what Firefox asks for unasked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BroadcastSubscribe {
    /// The broadcasts, and the version that the terminal has of each.
    #[serde(default)]
    pub broadcasts: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R2, R6: what Firefox sends is understood, members that we do not know included.
    #[test]
    fn reads_what_firefox_sends() {
        let hello = r#"{"messageType":"hello","broadcasts":{"remote-settings/monitor_changes":"v1"},"use_webpush":true}"#;
        assert_eq!(
            serde_json::from_str::<TerminalMessage>(hello).unwrap(),
            TerminalMessage::Hello(Hello { use_webpush: Some(true), ..Hello::default() })
        );
        let register =
            r#"{"messageType":"register","channelID":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d","key":"BA=="}"#;
        let TerminalMessage::Register(register) = serde_json::from_str(register).unwrap() else {
            panic!("not a register");
        };
        assert_eq!(register.key.as_deref(), Some("BA=="));
    }

    /// I11.
    #[test]
    fn what_is_secret_in_hello_is_not_printed() {
        let secret = || Some("a-secret".to_owned());
        let hello = Hello { uaid: secret(), enrolment: secret(), ..Hello::default() };
        assert_eq!(format!("{hello:?}"), "Hello { use_webpush: None, .. }");
    }

    #[test]
    fn a_channel_out_of_canonical_form_is_refused() {
        let register = r#"{"channelID":"5A7B9C1D-2E3F-4A5B-8C6D-7E8F9A0B1C2D"}"#;
        let error = serde_json::from_str::<Register>(register).unwrap_err();
        assert!(error.to_string().contains("channelID must be"), "{error}");
    }
}
