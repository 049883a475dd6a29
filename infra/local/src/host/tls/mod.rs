//! HTTPS and WSS on the same listener: certificates of a CA of our own, or given ones.

pub(super) mod listener;
mod own_ca;

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signalbox_domain::PublicUrl;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::ResolvesServerCert;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, InconsistentKeys, ServerConfig};

use self::own_ca::{CaFiles, OwnCertificates, names};
use super::data::Opened;

/// Whether a host speaks TLS, and with which certificate.
#[derive(Debug, Clone)]
pub enum Tls {
    /// Plain HTTP and WebSocket.
    Off,
    /// With certificates of a CA of its own, which is kept in the data directory.
    OwnCa,
    /// With a given certificate.
    Pair {
        /// The file with the certificate, and with what leads to its CA.
        certificate: PathBuf,
        /// The file with its private key.
        key: PathBuf,
    },
}

/// The certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// What a file holds cannot be used.
    #[error("{path}: {reason}")]
    Unusable {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
    /// The key is another certificate's.
    #[error("the key in {key} is not the key of the first certificate in {certificate}")]
    Mismatch {
        /// The file with the certificate.
        certificate: String,
        /// The file with the key.
        key: String,
    },
    /// The CA's key could be read by others.
    #[error(
        "{0} can be read by other users: `chmod 600` it; if somebody may have read it, remove it and ca.pem for a new CA"
    )]
    NotPrivate(String),
    /// The CA has no place.
    #[error(
        "the CA of --tls is kept in the data directory, and with --memory there is none: give --cert and --key"
    )]
    NoPlace,
    /// A certificate could not be made.
    #[error("a certificate could not be made: {0}")]
    Making(#[from] rcgen::Error),
    /// The TLS library refused.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

/// What a listener needs to speak TLS.
pub(super) struct Prepared {
    pub(super) config: Arc<ServerConfig>,
    /// What clients are to trust, where the certificates are our own.
    pub(super) ca: Option<PathBuf>,
}

/// Reads the certificates, or makes them; none where the host speaks no TLS.
pub(super) fn open(
    tls: &Tls,
    data: &Opened,
    listen: IpAddr,
    public_url: &PublicUrl,
) -> Result<Option<Prepared>, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let (certificates, ca): (Arc<dyn ResolvesServerCert>, _) = match tls {
        Tls::Off => return Ok(None),
        Tls::Pair { certificate, key } => {
            (Arc::new(SingleCertAndKey::from(read_pair(certificate, key, &provider)?)), None)
        }
        Tls::OwnCa => {
            let Opened::Directory { path: directory, .. } = data else { return Err(TlsError::NoPlace) };
            let files = CaFiles::of(directory);
            let own = OwnCertificates::open(&files, names(listen, public_url), provider.clone())?;
            (Arc::new(own), Some(files.certificate))
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    // Which of them is spoken shows in a connection's first bytes, so a client that offers both may upgrade to a WebSocket.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Prepared { config: Arc::new(config), ca }))
}

fn read_pair(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(certificate)?;
    let private_key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| match error {
        pem::Error::NoItemsFound => unusable(key, &"there is no private key in it (PEM, not encrypted)"),
        error => unusable(key, &error),
    })?;
    let private_key = provider
        .key_provider
        .load_private_key(private_key)
        .map_err(|error| unusable(key, &format!("its private key cannot be used: {error}")))?;
    let pair = CertifiedKey::new(chain, private_key);
    match pair.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err(TlsError::Mismatch { certificate: named(certificate), key: named(key) })
        }
        Err(error) => Err(unusable(certificate, &format!("its first certificate cannot be used: {error}"))),
    }
}

/// The certificates in a file: at least one.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(path, &error))?;
    if certificates.is_empty() {
        return Err(unusable(path, &"there is no certificate in it (PEM)"));
    }
    Ok(certificates)
}

fn named(path: &Path) -> String {
    path.display().to_string()
}

fn io(path: &Path, error: std::io::Error) -> TlsError {
    TlsError::Io { path: named(path), error }
}

fn unusable(path: &Path, reason: &dyn Display) -> TlsError {
    TlsError::Unusable { path: named(path), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| io(path, error))
}

/// Writes a file in one step, with just these permissions.
fn write(path: &Path, mode: u32, text: &str) -> Result<(), TlsError> {
    let new = PathBuf::from(format!("{}.new", path.display()));
    let written = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&new)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, path)
    };
    written().map_err(|error| io(path, error))
}
