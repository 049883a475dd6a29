//! API Gateway's events and answers in Signalbox's own types: what a function needs of a WebSocket event or an HTTP
//! request, checked once, and how it answers.

pub mod http;
mod invocation;
mod websocket;

pub use invocation::of_invocation;
pub use websocket::{
    InvalidEvent, Presented, Stage, TerminalEvent, admitted, answered, done, trace, turned_away,
};
