//! A terminal: its connection, and what it does with what comes.

mod acknowledge;
mod connection;
mod listen;

pub(crate) use acknowledge::{AckPolicy, Acks};
pub(crate) use connection::{Terminal, TerminalError};
pub(crate) use listen::{Live, come_again, listen};
