//! The rules of the push service: what a token is and when it counts, what a terminal and a session may do, what a
//! notification must look like, and how an application server proves who it is (VAPID).
//!
//! No I/O and no AWS type. Time comes in as [`Timestamp`], randomness as what [`KeyRing::derive`] makes of an event's
//! identity, so that an event that runs twice makes the same things (I10).

mod application;
mod authorization;
mod clock;
mod enrolment;
mod event_mark;
mod fanout;
mod ids;
mod key_ring;
mod message;
mod notification;
mod origin;
mod parameters;
mod payload;
mod refusal;
mod refusal_kind;
mod registered;
mod server_key;
mod session;
mod slot;
mod terminal;
mod token;
mod topic;
mod urgency;
mod vapid;

pub use application::{ApplicationName, NotAnApplicationName};
pub use authorization::{AuthorizationMode, AuthorizationPolicy, ValidationOutcome};
pub use clock::{Clock, Timestamp};
pub use enrolment::{
    EnrolmentKey, EnrolmentKeyName, EnrolmentKeys, InvalidEnrolmentKeys, NotAnEnrolmentKey,
    NotAnEnrolmentKeyName,
};
pub use event_mark::{EventMark, NotAnEventMark, RecentEvents};
pub use fanout::{
    Addressee, Audience, AudienceName, HashRange, IdempotencyKey, JOB_DAYS, Job, JobId, Listed, NotAJobId,
    NotAnAudienceName, NotAnIdempotencyKey, Owner, Page, Pages, Recipients, RefusedRecipient, RequestDigest,
    SHARDS, Tally, Who, Work,
};
pub use ids::{ConnectionId, EventId, InvalidId, TerminalId, Uaid};
pub use key_ring::{Derived, InvalidKeyRing, KeyId, KeyRing, Purpose, SealError, Sealed};
pub use message::{Acceptance, MessageKey, MessageKind, StoredMessage};
pub use notification::{BodyLimit, ContentHeaders, InvalidBodyLimit, MAX_TTL, Ttl};
pub use origin::{InvalidOrigin, InvalidPublicUrl, Origin, PublicUrl};
pub use payload::{Encoding, LegacyHeaders, Payload};
pub use refusal::Refusal;
pub use refusal_kind::RefusalKind;
pub use registered::{Application, NotServerKeys, Registration, ServerKeys};
pub use server_key::{InvalidServerKey, ServerKey};
pub use session::{
    Authorization, EndedSession, LiveSession, PreviousToken, Session, SessionRequest, evaluate,
};
pub use slot::{NoSuchShard, Slot};
pub use terminal::{Terminal, TerminalState, UnknownTerminalState};
pub use token::{ApplicationHint, KeyHint, Token, TokenClaims, TokenDigest};
pub use topic::{NotATopic, Topic, TopicMark};
pub use urgency::{NotAnUrgency, Urgency};
pub use vapid::{VapidCredentials, VapidError, VapidVerifier, Verified};
