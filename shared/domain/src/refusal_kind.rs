use std::fmt;

use signalbox_wire::PROBLEM_PREFIX;

/// Makes the enum, its list and its properties of one table, so that no kind can be missing from any of them.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $status:literal, $word:literal, $title:literal, $errno:expr;)*) => {
        /// A kind of refusal, as it is told to application servers: its status, its stable type, and its number in
        /// Mozilla's error table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum RefusalKind {
            $($(#[$doc])* $kind,)*
        }

        impl RefusalKind {
            /// Every kind that there is.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Status, the last part of the type, title, and Mozilla's number.
            const fn row(self) -> (u16, &'static str, &'static str, Option<u16>) {
                match self {
                    $(Self::$kind => ($status, $word, $title, $errno),)*
                }
            }
        }
    };
}

kinds! {
    /// The request is not what the call takes.
    RequestMalformed => 400, "request-malformed", "Malformed request", None;
    /// No `TTL`.
    TtlMissing => 400, "ttl-missing", "TTL missing", Some(111);
    /// A `TTL` that is no number of seconds.
    TtlInvalid => 400, "ttl-invalid", "TTL invalid", Some(114);
    /// An `Urgency` that is none.
    UrgencyInvalid => 400, "urgency-invalid", "Urgency invalid", None;
    /// A `Topic` that is none.
    TopicInvalid => 400, "topic-invalid", "Topic invalid", Some(113);
    /// An `Idempotency-Key` that is none.
    IdempotencyKeyInvalid => 400, "idempotency-key-invalid", "Idempotency-Key invalid", None;
    /// An audience's name that is none.
    AudienceNameInvalid => 400, "audience-name-invalid", "Audience name invalid", None;
    /// An application's name that is none.
    ApplicationNameInvalid => 400, "application-name-invalid", "Application name invalid", None;
    /// A body without `Content-Encoding`.
    EncodingMissing => 400, "encoding-missing", "Content-Encoding missing", Some(110);
    /// An `aesgcm` payload without the headers that it needs.
    EncryptionMissing => 400, "encryption-missing", "Encryption headers missing", Some(110);
    /// A body that cannot be what its coding says.
    BodyMalformed => 400, "body-malformed", "Payload malformed", Some(110);
    /// No VAPID where the session demands it.
    VapidMissing => 401, "vapid-missing", "VAPID missing", Some(109);
    /// `Authorization` is in none of the forms in use.
    VapidHeader => 401, "vapid-header", "VAPID refused", Some(109);
    /// The key is none.
    VapidKey => 401, "vapid-key", "VAPID refused", Some(109);
    /// The token is no JWT, or of another algorithm.
    VapidToken => 401, "vapid-token", "VAPID refused", Some(109);
    /// The signature is not the key's.
    VapidSignature => 401, "vapid-signature", "VAPID refused", Some(109);
    /// No `aud`, or another service's.
    VapidAudience => 401, "vapid-audience", "VAPID refused", Some(109);
    /// No `exp`, or one that has passed or is too far ahead.
    VapidExpiry => 401, "vapid-expiry", "VAPID refused", Some(109);
    /// Another server's session.
    OtherServer => 403, "other-server", "Another server's session", Some(109);
    /// An explicit session that nobody has validated yet.
    NotValidated => 403, "not-validated", "Token not validated yet", None;
    /// A session that is bound to no server.
    SessionUnbound => 403, "session-unbound", "Session bound to no server", None;
    /// A call that is for the operator alone.
    NotTheOperator => 403, "not-the-operator", "For the operator alone", None;
    /// No message of this deployment.
    MessageUnknown => 404, "message-unknown", "Message unknown", None;
    /// No job of this server.
    JobUnknown => 404, "job-unknown", "Job unknown", None;
    /// No audience of this server.
    AudienceUnknown => 404, "audience-unknown", "Audience unknown", None;
    /// No registered application.
    ApplicationUnknown => 404, "application-unknown", "Application unknown", None;
    /// No token of this deployment.
    TokenUnknown => 404, "token-unknown", "Token unknown", Some(102);
    /// An endpoint was asked for, not sent to.
    NotAPost => 405, "not-a-post", "Endpoints take POST", None;
    /// The same idempotency key with another request.
    IdempotencyConflict => 409, "idempotency-conflict", "Idempotency key used for another request", None;
    /// A server's key that belongs to another application.
    ServerKeyTaken => 409, "server-key-taken", "Server key of another application", None;
    /// A message that was not acknowledged, and never will be.
    GivenUp => 410, "given-up", "Message given up", None;
    /// A token that was good and is not any more.
    SessionEnded => 410, "session-ended", "Session ended", Some(106);
    /// What is to be changed is not what the caller has read.
    PreconditionFailed => 412, "precondition-failed", "Changed meanwhile", None;
    /// More bytes than the limit.
    BodyTooLarge => 413, "body-too-large", "Body too large", Some(104);
    /// A coding that is not served.
    EncodingUnsupported => 415, "encoding-unsupported", "Content-Encoding unsupported", Some(110);
    /// A coding that the session has not asked for.
    EncodingNotAsked => 415, "encoding-not-asked", "Encoding not asked for by the session", None;
    /// Too much waits for this terminal.
    TooManyWaiting => 429, "too-many-waiting", "Too many messages waiting", None;
    /// The service could not find out, or could not store.
    Unavailable => 503, "unavailable", "Temporarily unavailable", Some(201);
}

impl RefusalKind {
    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// A short stable word for logs and metrics; the last part of the problem's type.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.row().1
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// The problem's type.
    #[must_use]
    pub fn urn(self) -> String {
        format!("{PROBLEM_PREFIX}{self}")
    }

    /// The kind in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.row().2
    }

    /// The number that Mozilla's push service gives to this error, where it has one.
    #[must_use]
    pub const fn errno(self) -> Option<u16> {
        self.row().3
    }

    /// After how many seconds a repetition makes sense (`Retry-After`).
    #[must_use]
    pub const fn retry_after(self) -> Option<u32> {
        match self {
            Self::TooManyWaiting => Some(300),
            Self::Unavailable => Some(5),
            _ => None,
        }
    }
}

impl fmt::Display for RefusalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_type_of_its_own() {
        let types: HashSet<_> = RefusalKind::ALL.iter().map(|kind| kind.urn()).collect();
        assert_eq!(types.len(), RefusalKind::ALL.len());
        assert!(RefusalKind::ALL.iter().all(|kind| RefusalKind::from_word(kind.as_str()) == Some(*kind)));
        assert_eq!(RefusalKind::from_word("else"), None);
    }
}
