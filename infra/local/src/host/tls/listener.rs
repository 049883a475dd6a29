use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// What a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A listener whose connections come out when TLS is spoken on them. Handshakes go on beside each other, each for a
/// limited time, so that a slow one is waited for by nobody.
pub(in crate::host) struct TlsListener<L> {
    tcp: L,
    acceptor: TlsAcceptor,
    /// Ends with the listener.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl<L> TlsListener<L> {
    pub(in crate::host) fn new(tcp: L, config: Arc<ServerConfig>) -> Self {
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

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio_rustls::rustls::crypto::aws_lc_rs;
    use tokio_rustls::rustls::server::ResolvesServerCertUsingSni;

    use super::*;

    /// The time passes by itself here when nothing else is to be done.
    #[tokio::test(start_paused = true)]
    async fn a_handshake_has_its_time() {
        // Which certificate it would show does not come up.
        let certificates = Arc::new(ResolvesServerCertUsingSni::new());
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
