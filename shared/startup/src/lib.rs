//! Start of a function: its configuration, its clients, its secrets and the telemetry, made once for the life of the
//! process.

mod clients;
mod context;
mod enrolment;
mod key_rings;
mod roots;
mod secret;
mod settings;
mod telemetry;
mod warming;

pub use clients::{ClientConfigs, Clients};
pub use context::{Context, Keeping, Keyless, StartError};
pub use enrolment::{Enrolment, NotAdmitted};
pub use key_rings::{KeyRings, NotOpened};
pub use settings::{InvalidSetting, QueueUrls, Settings};
pub use telemetry::{init as init_telemetry, log_filter};
pub use warming::Warming;
