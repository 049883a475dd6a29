use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use signalbox_local_aws::{DynamoWire, EngineError, EngineThread, SecretsWire};
use signalbox_wire::base64url;

/// Where the store and the keys are kept.
#[derive(Debug, Clone)]
pub enum Data {
    /// In this directory, which is made where there is none.
    Directory(PathBuf),
    /// Nowhere: gone with the process.
    Memory,
}

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file or the directory.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// Another host is on it.
    #[error("{0} is in use by another signalbox")]
    InUse(String),
    /// The key ring could be read by others.
    #[error(
        "{0} can be read by other users: `chmod 600` it, and replace its keys if somebody may have read it"
    )]
    NotPrivate(String),
    /// No randomness.
    #[error("the system gave no random bytes")]
    NoRandomness,
}

/// The data, held by this process.
pub(super) enum Opened {
    Directory { path: PathBuf, _lock: File },
    Memory { key_ring: String },
}

impl Opened {
    pub(super) fn open(data: Data) -> Result<Self, DataError> {
        match data {
            Data::Memory => Ok(Self::Memory { key_ring: new_key_ring()? }),
            Data::Directory(path) => {
                std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&path)
                    .map_err(|error| io(&path, error))?;
                let lock = lock(&path)?;
                prepare_key_ring(&key_ring_file(&path))?;
                Ok(Self::Directory { path, _lock: lock })
            }
        }
    }

    pub(super) fn engine(&self) -> Result<(DynamoWire, EngineThread), EngineError> {
        match self {
            Self::Directory { path, .. } => DynamoWire::open(&path.join("signalbox.db")),
            Self::Memory { .. } => DynamoWire::memory(),
        }
    }

    /// Read anew on each call, so that a key can be added without a restart.
    pub(super) fn key_ring(&self) -> SecretsWire {
        match self {
            Self::Directory { path, .. } => {
                let file = key_ring_file(path);
                SecretsWire::new(move || std::fs::read_to_string(&file))
            }
            Self::Memory { key_ring } => {
                let key_ring = key_ring.clone();
                SecretsWire::new(move || Ok(key_ring.clone()))
            }
        }
    }
}

fn key_ring_file(directory: &Path) -> PathBuf {
    directory.join("key-ring.json")
}

fn io(path: &Path, error: std::io::Error) -> DataError {
    DataError::Io { path: path.display().to_string(), error }
}

fn lock(directory: &Path) -> Result<File, DataError> {
    let path = directory.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| io(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DataError::InUse(directory.display().to_string())),
        Err(TryLockError::Error(error)) => Err(io(&path, error)),
    }
}

/// Makes a key ring at first start, readable by its owner alone; refuses one that others can read.
fn prepare_key_ring(path: &Path) -> Result<(), DataError> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Ok(mut file) => file
            .write_all(new_key_ring()?.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|error| io(path, error)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let mode = path.metadata().map_err(|error| io(path, error))?.permissions().mode();
            let others = mode & 0o077;
            if others == 0 { Ok(()) } else { Err(DataError::NotPrivate(path.display().to_string())) }
        }
        Err(error) => Err(io(path, error)),
    }
}

fn new_key_ring() -> Result<String, DataError> {
    let mut secret = [0; 48];
    rand::fill(&mut secret).map_err(|_| DataError::NoRandomness)?;
    Ok(format!("{{\"encrypt\":\"1\",\"1\":\"{}\"}}\n", base64url::encode(secret)))
}
