//! What the functions count, and the trace that every line of a request carries.
//!
//! [`Metrics`] takes what is counted, by [`Count`] and [`Refused`]: names are fixed here, and nobody counts by text. Where it
//! goes is a [`Record`]: lines of CloudWatch's embedded metric format in the cloud ([`Embedded`]), whatever a host keeps
//! elsewhere, or nowhere.

mod count;
mod document;
mod embedded;
mod metrics;
mod refused;
mod trace;

pub use count::Count;
pub use embedded::{Embedded, InvalidNamespace, Namespace};
pub use metrics::{Metrics, Record};
pub use refused::Refused;
pub use trace::{Trace, XrayRoot};
