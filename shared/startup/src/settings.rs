use std::time::Duration;

use signalbox_domain::{AuthorizationPolicy, BodyLimit, InvalidBodyLimit, Origin, PublicUrl};
use signalbox_store::TableNames;

/// A connection lives for 2 h at most on API Gateway; its entry outlives it a little.
const CONNECTION: Duration = Duration::from_secs(2 * 3600 + 15 * 60);

/// Far more than an application wants to show, and little enough that one terminal costs no fortune.
const WAITING: u64 = 50_000;

/// The deployment's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tables.
    pub tables: TableNames,
    /// The URL of the queue of drains.
    pub drains_url: String,
    /// What endpoints begin with.
    pub public_url: PublicUrl,
    /// The origins that a VAPID `aud` may name; that of the public URL first.
    pub origins: Vec<Origin>,
    /// Which sessions must be validated.
    pub authorization: AuthorizationPolicy,
    /// The largest body of a notification.
    pub body_limit: BodyLimit,
    /// Above so many messages stored for an absent terminal its senders get 429 (I6).
    pub waiting_limit: u64,
    /// How long a connection may live; its entry is kept that long.
    pub connection_lifetime: Duration,
}

/// A setting that is missing or wrong.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// Not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// Set to what cannot be.
    #[error("the environment variable {name} {reason}")]
    Wrong {
        /// The variable.
        name: &'static str,
        /// The rule.
        reason: String,
    },
}

/// Reads a variable of the environment that must be set.
pub(crate) fn required(name: &'static str) -> Result<String, InvalidSetting> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(InvalidSetting::Missing(name))
}

impl Settings {
    /// Settings for these tables, this queue of drains and this public URL; everything else as is usual.
    #[must_use]
    pub fn new(tables: TableNames, drains_url: String, public_url: PublicUrl) -> Self {
        let origins = vec![public_url.origin().clone()];
        Self {
            tables,
            drains_url,
            public_url,
            origins,
            authorization: AuthorizationPolicy::default(),
            body_limit: BodyLimit::default(),
            waiting_limit: WAITING,
            connection_lifetime: CONNECTION,
        }
    }

    /// Reads `SIGNALBOX_*` of the environment, as the template sets it.
    ///
    /// # Errors
    /// [`InvalidSetting`], with the variable's name.
    pub fn from_environment() -> Result<Self, InvalidSetting> {
        const PUBLIC_URL: &str = "SIGNALBOX_PUBLIC_URL";
        const AUTHORIZATION: &str = "SIGNALBOX_AUTHORIZATION";
        const BODY_LIMIT: &str = "SIGNALBOX_BODY_LIMIT";
        let tables = TableNames {
            terminals: required("SIGNALBOX_TABLE_TERMINALS")?,
            messages: required("SIGNALBOX_TABLE_MESSAGES")?,
            connections: required("SIGNALBOX_TABLE_CONNECTIONS")?,
        };
        let public_url = required(PUBLIC_URL)?
            .parse()
            .map_err(|error| InvalidSetting::Wrong { name: PUBLIC_URL, reason: format!("{error}") })?;
        let forced = match required(AUTHORIZATION).as_deref() {
            Err(_) | Ok("default") => None,
            Ok(mode) => Some(mode.parse().map_err(|rule: &str| InvalidSetting::Wrong {
                name: AUTHORIZATION,
                reason: format!("{rule}, or `default`"),
            })?),
        };
        let body_limit = match required(BODY_LIMIT).as_deref() {
            Err(_) => BodyLimit::default(),
            Ok(bytes) => bytes.parse().map_err(|rule: InvalidBodyLimit| InvalidSetting::Wrong {
                name: BODY_LIMIT,
                reason: format!("{rule}"),
            })?,
        };
        Ok(Self {
            authorization: AuthorizationPolicy { forced },
            body_limit,
            ..Self::new(tables, required("SIGNALBOX_DRAINS_URL")?, public_url)
        })
    }
}
