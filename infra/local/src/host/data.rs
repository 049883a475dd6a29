use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use signalbox_local_aws::{DynamoWire, EngineError, EngineThread, SecretsWire, Sweeper};
use signalbox_wire::base64url;

use super::operator::{self, OperatorKey, OperatorKeyError};

/// The secret of the key ring.
pub(super) const KEY_RING: &str = "key-ring";
/// The secret of the enrolment keys.
pub(super) const ENROLMENT: &str = "enrolment-keys";

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
    /// A secret could be read by others.
    #[error(
        "{0} can be read by other users: `chmod 600` it, and replace its keys if somebody may have read it"
    )]
    NotPrivate(String),
    /// The store is there, and its key ring is not.
    #[error(
        "{0} is missing, and the store beside it was used with it: restore both together, or start on an empty directory"
    )]
    NoKeyRing(String),
    /// The operator's key is none.
    #[error("{path} {error}")]
    OperatorKey {
        /// The file.
        path: String,
        /// Why not.
        error: OperatorKeyError,
    },
    /// There is no place for what must be known beside the service, too.
    #[error("{0} needs a data directory, where its key is kept")]
    NoPlace(&'static str),
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
                prepare_key_ring(&path)?;
                Ok(Self::Directory { path, _lock: lock })
            }
        }
    }

    pub(super) fn engine(&self) -> Result<(DynamoWire, EngineThread, Sweeper), EngineError> {
        match self {
            Self::Directory { path, .. } => DynamoWire::open(&store_file(path)),
            Self::Memory { .. } => DynamoWire::memory(),
        }
    }

    /// The key of the operator's listener, made where there is none yet.
    pub(super) fn operator_key(&self) -> Result<(OperatorKey, PathBuf), DataError> {
        let Self::Directory { path: directory, .. } = self else {
            return Err(DataError::NoPlace("an operator's listener"));
        };
        let path = directory.join(operator::OPERATOR_KEY);
        if !is_private(&path)? {
            write_whole(directory, &path, &format!("{}\n", random()?)).map_err(|error| io(&path, error))?;
        }
        let text = std::fs::read_to_string(&path).map_err(|error| io(&path, error))?;
        match OperatorKey::from_file(&text) {
            Ok(key) => Ok((key, path)),
            Err(error) => Err(DataError::OperatorKey { path: path.display().to_string(), error }),
        }
    }

    /// The file of the enrolment keys, made with a key where there is none yet.
    pub(super) fn prepare_enrolment_keys(&self) -> Result<PathBuf, DataError> {
        let Self::Directory { path: directory, .. } = self else {
            return Err(DataError::NoPlace("enrolment"));
        };
        let path = enrolment_keys_file(directory);
        if !is_private(&path)? {
            let keys = format!("{{\"1\":\"{}\"}}\n", random()?);
            write_whole(directory, &path, &keys).map_err(|error| io(&path, error))?;
        }
        Ok(path)
    }

    /// Where the operator's socket is to be; nowhere without a directory.
    pub(super) fn operator_socket(&self) -> Option<PathBuf> {
        match self {
            Self::Directory { path, .. } => Some(path.join(operator::OPERATOR_SOCKET)),
            Self::Memory { .. } => None,
        }
    }

    /// The key ring and the enrolment keys, by the names of their secrets. Read anew on each call, so that a key can be added
    /// without a restart.
    pub(super) fn secrets(&self) -> SecretsWire {
        match self {
            Self::Directory { path, .. } => {
                let (key_ring, enrolment) = (key_ring_file(path), enrolment_keys_file(path));
                SecretsWire::new(move |id| match id {
                    KEY_RING => std::fs::read_to_string(&key_ring),
                    ENROLMENT => std::fs::read_to_string(&enrolment),
                    _ => Err(ErrorKind::NotFound.into()),
                })
            }
            Self::Memory { key_ring } => {
                let key_ring = key_ring.clone();
                SecretsWire::new(move |_| Ok(key_ring.clone()))
            }
        }
    }
}

impl std::fmt::Display for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory { path, .. } => write!(f, "{}", path.display()),
            Self::Memory { .. } => f.write_str("in memory"),
        }
    }
}

fn store_file(directory: &Path) -> PathBuf {
    directory.join("signalbox.db")
}

fn key_ring_file(directory: &Path) -> PathBuf {
    directory.join("key-ring.json")
}

fn enrolment_keys_file(directory: &Path) -> PathBuf {
    directory.join("enrolment-keys.json")
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

/// Makes a key ring at first start, readable by its owner alone; refuses one that others can read, and to make a new one
/// for a store that has had another: all its tokens would be as good as forged, and senders told to forget them.
fn prepare_key_ring(directory: &Path) -> Result<(), DataError> {
    let path = key_ring_file(directory);
    if is_private(&path)? {
        return Ok(());
    }
    if store_file(directory).exists() {
        return Err(DataError::NoKeyRing(path.display().to_string()));
    }
    write_whole(directory, &path, &new_key_ring()?).map_err(|error| io(&path, error))
}

/// Whether a file with a secret is there; an error where others can read it.
fn is_private(path: &Path) -> Result<bool, DataError> {
    match path.metadata() {
        Ok(metadata) => {
            let others = metadata.permissions().mode() & 0o077;
            if others == 0 { Ok(true) } else { Err(DataError::NotPrivate(path.display().to_string())) }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io(path, error)),
    }
}

/// Whole or not at all: a start that ends in between leaves no half of a secret.
fn write_whole(directory: &Path, path: &Path, secret: &str) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    File::open(directory)?.sync_all()
}

fn new_key_ring() -> Result<String, DataError> {
    Ok(format!("{{\"encrypt\":\"1\",\"1\":\"{}\"}}\n", random()?))
}

fn random() -> Result<String, DataError> {
    let mut secret = [0; 48];
    rand::fill(&mut secret).map_err(|_| DataError::NoRandomness)?;
    Ok(base64url::encode(secret))
}
