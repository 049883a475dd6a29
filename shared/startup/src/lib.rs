//! Start of a function: its configuration, its clients, the key ring and the telemetry, made once for the life of the
//! process.

mod clients;
mod context;
mod key_rings;
mod roots;
mod settings;
mod telemetry;
mod warming;

pub use clients::{ClientConfigs, Clients};
pub use context::{Context, Keyless, StartError};
pub use key_rings::{KeyRings, NotOpened};
pub use settings::{InvalidSetting, QueueUrls, Settings};
pub use telemetry::{init as init_telemetry, log_filter};
pub use warming::Warming;
