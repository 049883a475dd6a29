use signalbox_wire::Problem;

use crate::application::{ApplicationName, NotAnApplicationName};
use crate::fanout::{NotAnAudienceName, NotAnIdempotencyKey};
use crate::refusal_kind::RefusalKind;
use crate::topic::NotATopic;
use crate::urgency::NotAnUrgency;
use crate::vapid::VapidError;

/// Why the push service refuses an application server: the kind, and what came. Listed with cause and cure in
/// `docs/API.md`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request is not what the call takes.
    #[error("{0}")]
    Malformed(String),
    /// No `TTL` (RFC 8030 section 5.2).
    #[error("the header TTL is missing; send the seconds that the message may wait, for example `TTL: 60`")]
    TtlMissing,
    /// A `TTL` that is no number of seconds.
    #[error("the header TTL must be a non-negative integer of seconds, and is {got:?}")]
    TtlInvalid {
        /// What came.
        got: String,
    },
    /// More than the limit (RFC 8030 section 7.2).
    #[error("the body may have at most {limit} bytes, and has {got}")]
    BodyTooLarge {
        /// How many bytes came.
        got: usize,
        /// How many are taken.
        limit: usize,
    },
    /// A body without `Content-Encoding`.
    #[error(
        "the header Content-Encoding is missing; a body is encrypted as RFC 8291 says: `Content-Encoding: aes128gcm`"
    )]
    EncodingMissing,
    /// A coding that is not served.
    #[error("Content-Encoding must be aes128gcm (or aesgcm, of old senders), and is {got:?}")]
    EncodingUnsupported {
        /// What came.
        got: String,
    },
    /// A body that cannot be what its coding says.
    #[error("the body is no payload of its coding: {rule}")]
    BodyMalformed {
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// An `aesgcm` payload without the headers that it needs.
    #[error("an aesgcm payload needs the header `{what}=<base64url>`")]
    EncryptionMissing {
        /// The header and its parameter.
        what: &'static str,
    },
    /// An `Urgency` that is none (RFC 8030 section 5.3).
    #[error("the header Urgency {}, and is {got:?}", NotAnUrgency)]
    UrgencyInvalid {
        /// What came.
        got: String,
    },
    /// A `Topic` that is none (RFC 8030 section 5.4).
    #[error("the header Topic {}, and is {got:?}", NotATopic)]
    TopicInvalid {
        /// What came.
        got: String,
    },
    /// An `Idempotency-Key` that is none.
    #[error("the header Idempotency-Key {}", NotAnIdempotencyKey)]
    IdempotencyKeyInvalid,
    /// The same idempotency key, another request.
    #[error(
        "this Idempotency-Key stands for another request of yours already: use a new key for each request"
    )]
    IdempotencyConflict,
    /// A name of an audience that is none.
    #[error("the audience's name {}", NotAnAudienceName)]
    AudienceNameInvalid,
    /// No audience of this server.
    #[error(
        "there is no audience of this name that is yours: make it by adding members, PATCH /v1/audiences/<name>"
    )]
    AudienceUnknown,
    /// A name of an application that is none.
    #[error("the application's name {}", NotAnApplicationName)]
    ApplicationNameInvalid,
    /// No application is registered under this name.
    #[error("no application is registered under this name: PUT /v1/applications/<name> registers one")]
    ApplicationUnknown,
    /// A server's key belongs to one application alone.
    #[error("`serverKeys[{index}]` belongs to the application {application} already")]
    ServerKeyTaken {
        /// Which of those that were to be registered.
        index: usize,
        /// Whose it is.
        application: ApplicationName,
    },
    /// `If-Match` names another state of what is to be changed (RFC 9110 section 13.1.1).
    #[error("the application is not what If-Match names any more: read it again")]
    PreconditionFailed,
    /// Somebody else than the operator asks for what is the operator's.
    #[error("this call is for the operator alone: sign it as one who may call it (AWS Signature Version 4)")]
    NotTheOperator,
    /// No job of this server.
    #[error(
        "there is no job of this name that is yours, or it ended more than {} days ago",
        crate::fanout::JOB_DAYS
    )]
    JobUnknown,
    /// `identity` for a session that has not asked for it.
    #[error(
        "the session takes encrypted bodies only: its application did not ask for `\"encodings\": [\"identity\"]` when it registered"
    )]
    EncodingNotAsked,
    /// An endpoint was asked for, not sent to.
    #[error("this is the endpoint of a session: send a notification to it with POST (RFC 8030 section 5)")]
    NotAPost,
    /// No VAPID where the session demands it.
    #[error(
        "this session takes notifications and validations with VAPID only: send `Authorization: vapid t=<jwt>, k=<key>`"
    )]
    VapidMissing,
    /// No VAPID where every call needs it.
    #[error("this call is for application servers: send `Authorization: vapid t=<jwt>, k=<key>`")]
    ServerUnknown,
    /// VAPID that proves nothing.
    #[error(transparent)]
    Vapid(#[from] VapidError),
    /// Genuine VAPID of a server whose session this is not (R22).
    #[error("the session belongs to another application server: k is not the key that it is bound to")]
    OtherServer,
    /// An explicit session that nobody has validated yet (R17).
    #[error(
        "no application server is authorized for this session yet: validate the token first, POST /v1/tokens/validate"
    )]
    NotValidated,
    /// A session that is bound to no server, which therefore none can end.
    #[error("the session is bound to no application server, so that only its terminal can end it")]
    SessionUnbound,
    /// No message of this deployment.
    #[error("this is no message or receipt of this push service")]
    MessageUnknown,
    /// A message that was not acknowledged, and never will be (RFC 8030 section 6.3).
    #[error(
        "the message was given up: it expired, was withdrawn or replaced, or its terminal could not take it"
    )]
    GivenUp,
    /// No token of this deployment (R14).
    #[error("the token is not one of this push service")]
    TokenUnknown,
    /// A token that was good and is not any more.
    #[error("the session of this token has ended; forget the subscription")]
    SessionEnded,
    /// Too much waits for this terminal (I6).
    #[error("{limit} messages wait for this terminal already; try again when it has been connected")]
    TooManyWaiting {
        /// How many may wait.
        limit: u64,
    },
    /// The service could not find out, or could not store; nothing is said about the token.
    #[error("the service could not complete the request; try again")]
    Unavailable,
}

impl Refusal {
    /// Which kind of problem it is.
    #[must_use]
    pub const fn kind(&self) -> RefusalKind {
        match self {
            Self::Malformed(_) => RefusalKind::RequestMalformed,
            Self::TtlMissing => RefusalKind::TtlMissing,
            Self::TtlInvalid { .. } => RefusalKind::TtlInvalid,
            Self::BodyTooLarge { .. } => RefusalKind::BodyTooLarge,
            Self::EncodingMissing => RefusalKind::EncodingMissing,
            Self::EncodingUnsupported { .. } => RefusalKind::EncodingUnsupported,
            Self::BodyMalformed { .. } => RefusalKind::BodyMalformed,
            Self::EncryptionMissing { .. } => RefusalKind::EncryptionMissing,
            Self::UrgencyInvalid { .. } => RefusalKind::UrgencyInvalid,
            Self::TopicInvalid { .. } => RefusalKind::TopicInvalid,
            Self::IdempotencyKeyInvalid => RefusalKind::IdempotencyKeyInvalid,
            Self::IdempotencyConflict => RefusalKind::IdempotencyConflict,
            Self::AudienceNameInvalid => RefusalKind::AudienceNameInvalid,
            Self::AudienceUnknown => RefusalKind::AudienceUnknown,
            Self::ApplicationNameInvalid => RefusalKind::ApplicationNameInvalid,
            Self::ApplicationUnknown => RefusalKind::ApplicationUnknown,
            Self::ServerKeyTaken { .. } => RefusalKind::ServerKeyTaken,
            Self::PreconditionFailed => RefusalKind::PreconditionFailed,
            Self::NotTheOperator => RefusalKind::NotTheOperator,
            Self::JobUnknown => RefusalKind::JobUnknown,
            Self::EncodingNotAsked => RefusalKind::EncodingNotAsked,
            Self::NotAPost => RefusalKind::NotAPost,
            Self::VapidMissing | Self::ServerUnknown => RefusalKind::VapidMissing,
            Self::Vapid(error) => error.kind(),
            Self::OtherServer => RefusalKind::OtherServer,
            Self::NotValidated => RefusalKind::NotValidated,
            Self::SessionUnbound => RefusalKind::SessionUnbound,
            Self::MessageUnknown => RefusalKind::MessageUnknown,
            Self::GivenUp => RefusalKind::GivenUp,
            Self::TokenUnknown => RefusalKind::TokenUnknown,
            Self::SessionEnded => RefusalKind::SessionEnded,
            Self::TooManyWaiting { .. } => RefusalKind::TooManyWaiting,
            Self::Unavailable => RefusalKind::Unavailable,
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.kind().status()
    }

    /// After how many seconds a repetition makes sense (`Retry-After`).
    #[must_use]
    pub const fn retry_after(&self) -> Option<u32> {
        self.kind().retry_after()
    }

    /// The body of the answer (RFC 9457).
    #[must_use]
    pub fn problem(&self) -> Problem {
        let kind = self.kind();
        Problem {
            kind: kind.urn(),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: self.to_string(),
            errno: kind.errno(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may pass by itself says when to try again; nothing else does.
    #[test]
    fn a_refusal_has_its_kinds_status_and_pause() {
        let waiting = Refusal::TooManyWaiting { limit: 1 };
        assert_eq!((waiting.status(), waiting.retry_after()), (429, Some(300)));
        assert_eq!((Refusal::Unavailable.status(), Refusal::Unavailable.retry_after()), (503, Some(5)));
        assert_eq!((Refusal::TokenUnknown.status(), Refusal::TokenUnknown.retry_after()), (404, None));
    }

    #[test]
    fn a_problem_names_what_came_and_what_was_expected() {
        let problem = Refusal::TtlInvalid { got: "-1".into() }.problem();
        assert_eq!(problem.kind, "urn:signalbox:problem:ttl-invalid");
        assert_eq!(problem.title, "TTL invalid");
        assert_eq!((problem.status, problem.errno), (400, Some(114)));
        assert_eq!(
            problem.detail,
            r#"the header TTL must be a non-negative integer of seconds, and is "-1""#
        );
    }
}
