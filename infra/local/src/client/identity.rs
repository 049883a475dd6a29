use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signalbox_wire::ChannelId;

use super::SubscriptionKeys;

/// Who a terminal is: what it must keep to be the same one again.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Identity {
    /// Its secret name, once it is provisioned.
    pub uaid: Option<String>,
    /// Its application's session, once there is one.
    pub session: Option<KeptSession>,
}

/// An application's session as its terminal keeps it.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptSession {
    /// Its channel.
    pub channel: ChannelId,
    /// Its endpoint.
    pub endpoint: String,
    /// The name that the application gave.
    pub app: Option<String>,
    /// The server key that it named.
    pub key: Option<String>,
    /// Whether it takes what is not encrypted.
    #[serde(default)]
    pub plain: bool,
    /// What its payloads are encrypted for.
    pub keys: SubscriptionKeys,
}

/// A file of the client's cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct IdentityError {
    path: PathBuf,
    reason: String,
}

impl Identity {
    /// Reads the identity; a new one where there is no file.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        match read_private(path)? {
            None => Ok(Self::default()),
            Some(json) => serde_json::from_str(&json).map_err(|error| at(path, &error)),
        }
    }

    /// Writes the identity, readable by its owner alone.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub fn save(&self, path: &Path) -> Result<(), IdentityError> {
        let json = serde_json::to_string_pretty(self).map_err(|error| at(path, &error))?;
        write_private(path, &json)
    }
}

/// Reads a file; none where there is none.
///
/// # Errors
/// [`IdentityError`].
pub fn read_private(path: &Path) -> Result<Option<String>, IdentityError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path, &error)),
    }
}

/// Replaces a file in one step, readable by its owner alone; its directory is made where there is none.
///
/// # Errors
/// [`IdentityError`].
pub fn write_private(path: &Path, text: &str) -> Result<(), IdentityError> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let new = path.with_extension("new");
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    written().map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &dyn std::error::Error) -> IdentityError {
    IdentityError { path: path.to_owned(), reason: error.to_string() }
}
