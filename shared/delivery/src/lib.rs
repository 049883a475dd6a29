//! Posting to the connection of a terminal.

mod frame;
mod poster;

pub use frame::notification;
pub use poster::{Delivery, PostError};
