use serde_json::Value;
use signalbox_wire::ErrorReason;

/// A message without a route of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Other {
    /// `{}` or `{"messageType":"ping"}`.
    Ping,
    /// Mozilla's broadcasts, which are not served; Firefox asks for them unasked.
    BroadcastSubscribe,
}

/// A message that the protocol does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("a message must be a JSON object: {0}")]
    NotJson(String),
    #[error("messageType {0:?} is not known")]
    Unknown(String),
    #[error("a message without messageType must be empty, a ping")]
    NoType,
}

impl Mistake {
    pub(crate) fn reason(&self) -> ErrorReason {
        match self {
            Self::NotJson(_) => ErrorReason::Malformed,
            Self::Unknown(_) | Self::NoType => ErrorReason::UnknownMessage,
        }
    }
}

impl Other {
    pub(crate) fn read(text: &str) -> Result<Self, Mistake> {
        let message: serde_json::Map<String, Value> =
            serde_json::from_str(text).map_err(|error| Mistake::NotJson(error.to_string()))?;
        match message.get("messageType") {
            None if message.is_empty() => Ok(Self::Ping),
            None => Err(Mistake::NoType),
            Some(Value::String(kind)) if kind == "ping" => Ok(Self::Ping),
            Some(Value::String(kind)) if kind == "broadcast_subscribe" => Ok(Self::BroadcastSubscribe),
            Some(kind) => {
                let kind = kind.as_str().map_or_else(|| kind.to_string(), ToOwned::to_owned);
                Err(Mistake::Unknown(kind.chars().take(64).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pings_and_broadcasts_are_taken_all_else_is_a_mistake() {
        assert_eq!(Other::read("{}"), Ok(Other::Ping));
        assert_eq!(Other::read(r#"{"messageType":"ping"}"#), Ok(Other::Ping));
        let broadcasts = r#"{"messageType":"broadcast_subscribe","broadcasts":{}}"#;
        assert_eq!(Other::read(broadcasts), Ok(Other::BroadcastSubscribe));
        for junk in ["", "[]", "null", "{", "ping", "\u{0}"] {
            assert!(matches!(Other::read(junk), Err(Mistake::NotJson(_))), "{junk}");
        }
        assert_eq!(Other::read(r#"{"a":1}"#), Err(Mistake::NoType));
        for unknown in [r#"{"messageType":"$connect"}"#, r#"{"messageType":7}"#] {
            assert!(matches!(Other::read(unknown), Err(Mistake::Unknown(_))), "{unknown}");
        }
    }
}
