//! The other side of the push service: a terminal, an application server's sender, and an operator.

mod encryption;
mod fan_out;
mod identity;
mod operator;
mod sender;
mod terminal;
mod vapid_key;

pub use encryption::{EncryptionError, SubscriptionKeys, encrypt};
pub use fan_out::Broadcast;
pub use identity::{Identity, IdentityError, KeptSession, read_private, write_private};
pub use operator::Operator;
pub use sender::{Accepted, Sender, SenderError, Subscription, SubscriptionPublicKeys};
pub use terminal::{Terminal, TerminalError};
pub use vapid_key::{VapidKey, VapidKeyError};
