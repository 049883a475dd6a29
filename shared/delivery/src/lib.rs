//! Posting to the connection of a terminal, the queue of what could not be posted yet, and the queue of what is still to be
//! done for many.

mod drain_queue;
mod frame;
mod owed;
mod pace;
mod page_queue;
mod poster;
mod work;

pub use drain_queue::{DrainQueue, NotOwed};
pub use frame::notification;
pub use owed::{InvalidOwed, Owed, Part};
pub use pace::Pace;
pub use page_queue::{NotQueued, PageQueue};
pub use poster::{Delivery, PostError};
pub use work::{InvalidWork, read as read_work};
