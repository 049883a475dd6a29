//! Signalbox on one machine.
//!
//! [`host`] runs the functions in one process: it plays API Gateway in front of them and puts local wires under their AWS
//! SDK clients. [`client`] is the other side: a terminal, and an application server's sender. [`cli`] is the command line.

pub mod cli;
pub mod client;
pub mod host;
