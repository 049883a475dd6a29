//! Load for a push service, and whether everything arrives.
//!
//! Terminals by the thousand hold a WebSocket each (Mozilla's push protocol), senders post to them (RFC 8030, RFC
//! 8292). It works against any server of these protocols: it knows what crosses the network and nothing of who answers.
//!
//! It shares a small machine with what it measures, so it is lean: one thread, one task a connection, no histogram
//! while it runs (a message is one small record, evaluated at the end).

pub mod cli;

mod application_server;
mod body;
mod fleet;
mod latency;
mod ledger;
mod limits;
mod machine;
mod meter;
mod network;
mod numbers;
mod pace;
mod picture;
mod process;
mod progress;
mod report;
mod roster;
mod samples;
mod scenario;
mod sender;
mod service;
mod target;
mod terminal;
mod vapid;
