//! HTTPS and WSS on the same listener: certificates of a CA of our own, or given ones.

use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use axum::serve::Listener;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use signalbox_domain::PublicUrl;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier as _;
use tokio_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::{self, InconsistentKeys, RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use url::{Host, Url};

use super::data::Opened;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long the CA counts.
const CA_LIFE: Duration = Duration::from_secs(3650 * 24 * 3600);
/// How long a certificate of the CA counts; some clients take none that counts for years.
const LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// When a process that runs on makes itself another one.
const RENEW_AFTER: Duration = Duration::from_secs(30 * 24 * 3600);
/// What a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

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

/// Under which names the host may be reached, without a look at the network.
fn names(listen: IpAddr, public_url: &PublicUrl) -> Vec<SanType> {
    let mut names = vec!["localhost".to_owned()];
    names.extend(rustix::system::uname().nodename().to_str().map(ToOwned::to_owned));
    let mut addresses = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    if !listen.is_unspecified() {
        addresses.push(listen);
    }
    let url = Url::parse(&public_url.to_string()).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(domain)) => names.push(domain.to_owned()),
        Some(Host::Ipv4(address)) => addresses.push(address.into()),
        Some(Host::Ipv6(address)) => addresses.push(address.into()),
        None => {}
    }
    let mut alternatives = Vec::new();
    // A host name need not be one of DNS.
    let of_dns =
        names.iter().filter(|name| matches!(ServerName::try_from(name.as_str()), Ok(ServerName::DnsName(_))));
    let of_dns = of_dns.filter_map(|name| name.as_str().try_into().ok().map(SanType::DnsName));
    for name in of_dns.chain(addresses.into_iter().map(SanType::IpAddress)) {
        if !alternatives.contains(&name) {
            alternatives.push(name);
        }
    }
    alternatives
}

/// Where the CA is kept.
struct CaFiles {
    certificate: PathBuf,
    key: PathBuf,
}

impl CaFiles {
    fn of(directory: &Path) -> Self {
        Self { certificate: directory.join("ca.pem"), key: directory.join("ca.key") }
    }

    /// The CA's key; made at first start, readable by its owner alone.
    fn key(&self) -> Result<KeyPair, TlsError> {
        match read(&self.key) {
            Ok(text) => {
                let metadata = self.key.metadata().map_err(|error| io(&self.key, error))?;
                if metadata.permissions().mode() & 0o077 != 0 {
                    return Err(TlsError::NotPrivate(named(&self.key)));
                }
                let text = String::from_utf8_lossy(&text);
                KeyPair::from_pem(&text).map_err(|error| unusable(&self.key, &error))
            }
            Err(TlsError::Io { error, .. }) if error.kind() == ErrorKind::NotFound => {
                if self.certificate.exists() {
                    let reason = format!(
                        "is not there, and {} is of no use without it: bring it back, or remove that too for a new CA",
                        named(&self.certificate)
                    );
                    return Err(unusable(&self.key, &reason));
                }
                let key = KeyPair::generate()?;
                write(&self.key, 0o600, &key.serialize_pem())?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    /// The CA; its certificate is made where there is none yet, readable by all.
    fn open(&self) -> Result<Issuer<'static, KeyPair>, TlsError> {
        let key = self.key()?;
        let params = ca_params(&key);
        if !self.certificate.exists() {
            write(&self.certificate, 0o644, &params.self_signed(&key)?.pem())?;
            tracing::info!("made a CA");
        }
        Ok(Issuer::new(params, key))
    }

    /// Whether clients that trust the file will trust what the CA signs: somebody may have put another file there.
    fn check(&self, certificate: &CertificateDer<'_>, provider: Arc<CryptoProvider>) -> Result<(), TlsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.certificate)? {
            roots.add(root).map_err(|error| unusable(&self.certificate, &error))?;
        }
        let localhost = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| unusable(&self.certificate, &error))?
            .verify_server_cert(certificate, &[], &localhost, &[], UnixTime::now())
            .map_err(|error| {
                let key = named(&self.key);
                unusable(
                    &self.certificate,
                    &format!("is not the certificate of {key}: remove both for a new CA ({error})"),
                )
            })?;
        Ok(())
    }
}

/// What the CA is, told from its key alone: so its name is the same after each start, and no other CA's.
fn ca_params(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let [a, b, c, d] = *params.key_identifier(key).first_chunk().unwrap_or(&[0; 4]);
    params.distinguished_name = name(&format!("Signalbox CA {a:02x}{b:02x}{c:02x}{d:02x}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    count_for(&mut params, CA_LIFE);
    params
}

fn name(text: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, text);
    name
}

/// From yesterday, as clocks differ.
fn count_for(params: &mut CertificateParams, life: Duration) {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + life).into();
}

/// Certificates of our own CA: one at each start, and another one before it ends.
#[derive(Debug)]
struct OwnCertificates {
    ca: Issuer<'static, KeyPair>,
    names: Vec<SanType>,
    provider: Arc<CryptoProvider>,
    current: Mutex<Issued>,
}

#[derive(Debug, Clone)]
struct Issued {
    pair: Arc<CertifiedKey>,
    renew_at: SystemTime,
}

impl OwnCertificates {
    fn open(files: &CaFiles, names: Vec<SanType>, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let ca = files.open()?;
        let first = issue(&ca, &names, &provider)?;
        files.check(first.pair.end_entity_cert()?, provider.clone())?;
        Ok(Self { ca, names, provider, current: Mutex::new(first) })
    }

    fn at(&self, now: SystemTime) -> Arc<CertifiedKey> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= current.renew_at {
            match issue(&self.ca, &self.names, &self.provider) {
                Ok(issued) => *current = issued,
                Err(error) => tracing::error!(%error, "the certificate was not renewed"),
            }
        }
        current.pair.clone()
    }
}

impl ResolvesServerCert for OwnCertificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.at(SystemTime::now()))
    }
}

fn issue(ca: &Issuer<'_, KeyPair>, names: &[SanType], provider: &CryptoProvider) -> Result<Issued, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name("Signalbox");
    params.subject_alt_names = names.to_vec();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    count_for(&mut params, LIFE);
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, ca)?;
    let pair = CertifiedKey::from_der(vec![certificate.der().clone()], key.into(), provider)?;
    Ok(Issued { pair: Arc::new(pair), renew_at: SystemTime::now() + RENEW_AFTER })
}

/// A listener whose connections come out when TLS is spoken on them. Handshakes go on beside each other, each for a
/// limited time, so that a slow one is waited for by nobody.
pub(super) struct TlsListener<L> {
    tcp: L,
    acceptor: TlsAcceptor,
    /// Ends with the listener.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl<L> TlsListener<L> {
    pub(super) fn new(tcp: L, config: Arc<ServerConfig>) -> Self {
        Self { tcp, acceptor: config.into(), handshakes: JoinSet::new() }
    }
}

impl<L: Listener<Io = TcpStream, Addr = SocketAddr>> Listener for TlsListener<L> {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                (stream, address) = self.tcp.accept() => {
                    let handshake = self.acceptor.accept(stream);
                    self.handshakes.spawn(async move {
                        match tokio::time::timeout(HANDSHAKE, handshake).await {
                            Ok(Ok(stream)) => return Some((stream, address)),
                            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                            Err(_) => tracing::debug!("a TLS handshake took too long"),
                        }
                        None
                    });
                }
                Some(finished) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = finished {
                        return connection;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;

    use super::*;

    fn own(directory: &Path) -> Result<OwnCertificates, TlsError> {
        let public_url = "https://push.example:8443/x".parse().unwrap();
        let names = names(Ipv4Addr::UNSPECIFIED.into(), &public_url);
        OwnCertificates::open(&CaFiles::of(directory), names, Arc::new(aws_lc_rs::default_provider()))
    }

    #[test]
    fn a_certificate_is_for_every_name_once() {
        let public_url = "https://push.example:8443/x".parse().unwrap();
        let names = names([192, 0, 2, 1].into(), &public_url);
        for name in ["localhost", "push.example"] {
            assert!(names.contains(&SanType::DnsName(name.try_into().unwrap())), "{name}");
        }
        for address in ["127.0.0.1", "::1", "192.0.2.1"] {
            assert!(names.contains(&SanType::IpAddress(address.parse().unwrap())), "{address}");
        }
        let local = super::names(Ipv4Addr::LOCALHOST.into(), &"https://[::1]:1".parse().unwrap());
        let addresses = local.iter().filter(|name| matches!(name, SanType::IpAddress(_))).count();
        assert_eq!(addresses, 2);
    }

    #[test]
    fn a_certificate_is_renewed_before_it_ends() {
        let data = tempfile::tempdir().unwrap();
        let own = own(data.path()).unwrap();
        let now = SystemTime::now();
        let first = own.at(now);
        assert!(Arc::ptr_eq(&first, &own.at(now + RENEW_AFTER - DAY)));
        assert!(!Arc::ptr_eq(&first, &own.at(now + RENEW_AFTER + DAY)));
        const { assert!(RENEW_AFTER.as_secs() < LIFE.as_secs()) };
    }

    /// What is missing is made again where that changes nothing for clients, and else said.
    #[test]
    fn a_ca_that_is_not_whole_is_named() {
        let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        own(data.path()).unwrap();
        own(other.path()).unwrap();
        let (here, there) = (CaFiles::of(data.path()), CaFiles::of(other.path()));
        let before = certificates(&here.certificate).unwrap();
        // A start that was cut off between the two files.
        std::fs::remove_file(&here.certificate).unwrap();
        let again = own(data.path()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(before[0].clone()).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap()
            .verify_server_cert(
                again.at(SystemTime::now()).end_entity_cert().unwrap(),
                &[],
                &"push.example".try_into().unwrap(),
                &[],
                UnixTime::now(),
            )
            .unwrap();

        std::fs::copy(&there.certificate, &here.certificate).unwrap();
        assert!(own(data.path()).unwrap_err().to_string().contains("is not the certificate of"));
        std::fs::set_permissions(&here.key, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(own(data.path()).unwrap_err().to_string().contains("chmod 600"));
        std::fs::remove_file(&here.key).unwrap();
        assert!(own(data.path()).unwrap_err().to_string().contains("ca.key: is not there"));
    }

    /// The time passes by itself here when nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn a_handshake_has_its_time() {
        let data = tempfile::tempdir().unwrap();
        let certificates: Arc<dyn ResolvesServerCert> = Arc::new(own(data.path()).unwrap());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(certificates);
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut silent = TcpStream::connect(tcp.local_addr().unwrap()).await.unwrap();
        let mut listener = TlsListener::new(tcp, Arc::new(config));
        let (started, mut byte) = (tokio::time::Instant::now(), [0]);
        tokio::select! {
            _ = listener.accept() => panic!("nobody has spoken TLS"),
            read = silent.read(&mut byte) => assert_eq!(read.unwrap(), 0),
        }
        assert!(started.elapsed() >= HANDSHAKE);
    }
}
