//! What crosses the network: the messages between terminal and push service, the HTTPS bodies of application
//! servers, and problem details. Types and their syntax only, no rules, so that clients can use this crate too.

mod application;
mod application_server;
pub mod base64url;
mod channel;
mod fan_out;
#[cfg(feature = "schema")]
pub mod form;
mod problem;
mod service_message;
mod terminal_message;

pub use application::{ApplicationAnswer, ApplicationRegistration, ApplicationsAnswer, AuthorizationWord};
pub use application_server::{Health, HealthAnswer, ValidateAnswer, ValidateRequest};
pub use channel::{ChannelId, NotAChannelId};
pub use fan_out::{
    AudienceAnswer, AudienceChange, AudienceChanged, AudienceNotification, Dead, JobAccepted, JobProgress,
    JobState, Member, MemberList, NotificationsRequest, Recipient, RefusedMember, RefusedRecipient,
};
pub use problem::{PROBLEM_JSON, PROBLEM_PREFIX, Problem};
pub use service_message::{
    ErrorMessage, ErrorReason, HelloAnswer, Notification, NotificationHeaders, PONG, RegisterAnswer,
    ServiceMessage, UnregisterAnswer,
};
pub use terminal_message::{
    Ack, AckUpdate, BroadcastSubscribe, Hello, Nack, Register, TerminalMessage, Unregister,
};

/// The WebSocket subprotocol that a terminal offers and the push service must echo.
pub const SUBPROTOCOL: &str = "push-notification";
