//! Posting to the connection of a terminal, and the queue of what could not be posted yet.

mod drain_queue;
mod frame;
mod owed;
mod poster;

pub use drain_queue::{DrainQueue, NotOwed};
pub use frame::notification;
pub use owed::{InvalidOwed, Owed, Part};
pub use poster::{Delivery, PostError};
