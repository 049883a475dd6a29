use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::MaybeTlsStream;

use crate::target::Target;

pub(crate) type Stream = MaybeTlsStream<TcpStream>;

/// Longer than a full listen queue takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// How connections are made: from which addresses, and whom they trust.
pub(crate) struct Network {
    tls: Option<TlsConnector>,
    sources: Vec<IpAddr>,
    next_source: AtomicUsize,
}

/// What cannot be trusted.
#[derive(Debug, thiserror::Error)]
#[error("the certificates to trust: {0}")]
pub(crate) struct TrustError(String);

impl Network {
    /// With TLS where it is asked for: trusting the certificates of this PEM file and no others, or else the system's.
    pub(crate) fn new(encrypted: bool, ca: Option<&Path>, sources: Vec<IpAddr>) -> Result<Self, TrustError> {
        let tls = if encrypted || ca.is_some() { Some(connector(ca)?) } else { None };
        Ok(Self { tls, sources, next_source: AtomicUsize::new(0) })
    }

    /// A connection, encrypted where the target is.
    pub(crate) async fn connect(&self, target: &Target) -> io::Result<Stream> {
        tokio::time::timeout(PATIENCE, self.connect_untimed(target))
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "the connection was not taken")))
    }

    async fn connect_untimed(&self, target: &Target) -> io::Result<Stream> {
        let mut refused = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for &address in &target.addresses {
            match self.connect_tcp(address).await {
                Ok(stream) => return self.secure(stream, target).await,
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    async fn connect_tcp(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = match self.source(address) {
            None => TcpStream::connect(address).await?,
            Some(source) => {
                let socket = if source.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                socket.bind(SocketAddr::new(source, 0))?;
                socket.connect(address).await?
            }
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The sources take turns: an address has some 28,000 ports for one destination.
    fn source(&self, to: SocketAddr) -> Option<IpAddr> {
        let turn = self.next_source.fetch_add(1, Ordering::Relaxed);
        let source = *self.sources.get(turn.checked_rem(self.sources.len())?)?;
        (source.is_ipv4() == to.is_ipv4()).then_some(source)
    }

    async fn secure(&self, stream: TcpStream, target: &Target) -> io::Result<Stream> {
        if !target.encrypted {
            return Ok(MaybeTlsStream::Plain(stream));
        }
        let tls = self.tls.as_ref().ok_or_else(|| io::Error::other("an encrypted endpoint needs --ca"))?;
        let name = ServerName::try_from(target.host.clone()).map_err(io::Error::other)?;
        Ok(MaybeTlsStream::Rustls(tls.connect(name, stream).await?))
    }
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, TrustError> {
    let refused = |error: &dyn std::error::Error| TrustError(error.to_string());
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            let certificates = CertificateDer::pem_file_iter(path)
                .map_err(|error| TrustError(format!("{}: {error}", path.display())))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| refused(&error))?;
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(TrustError("there are none".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
