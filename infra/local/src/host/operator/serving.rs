use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Kept, protected, router, socket};
use crate::host::data::Opened;
use crate::host::gateway::Gateway;
use crate::host::tls::Prepared;
use crate::host::tls::listener::TlsListener;
use crate::host::{HostError, reachable, s, serve};

/// Where operators connect, and the file with the key that they need there.
#[derive(Debug, Clone)]
pub struct Operators {
    /// With a slash at its end.
    pub url: String,
    /// The file.
    pub key: PathBuf,
}

/// What serves operators.
pub(in crate::host) struct Operating {
    pub(in crate::host) operators: Option<Operators>,
    servers: Vec<JoinHandle<std::io::Result<()>>>,
}

impl Operating {
    /// On the socket in the data directory, and on `address` where there is one, as encrypted as the service.
    pub(in crate::host) async fn start(
        kept: Arc<Kept>,
        gateway: Gateway,
        data: &Opened,
        address: Option<SocketAddr>,
        tls: Option<&Prepared>,
        stop: &CancellationToken,
    ) -> Result<Self, HostError> {
        let routes = router(kept, gateway);
        let mut servers: Vec<_> = on_socket(data, routes.clone(), stop).into_iter().collect();
        let Some(address) = address else { return Ok(Self { operators: None, servers }) };
        let (key, file) = data.operator_key()?;
        let listen = |error| HostError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let bound = listener.local_addr().map_err(listen)?;
        let routes = protected(routes, key);
        servers.push(match tls {
            None => serve(listener, routes, stop),
            Some(tls) => serve(TlsListener::new(listener, tls.config.clone()), routes, stop),
        });
        let url = format!("http{}://{}/", s(tls.is_some()), reachable(bound));
        Ok(Self { operators: Some(Operators { url, key: file }), servers })
    }

    /// Resolves when the last of them has ended.
    pub(in crate::host) async fn ended(self) {
        for server in self.servers {
            let _ = server.await;
        }
    }
}

/// The service does all that others ask of it without this socket, and so it starts also where there can be none: on a disk
/// that is full, or below a path that is too long for one.
fn on_socket(
    data: &Opened,
    routes: Router,
    stop: &CancellationToken,
) -> Option<JoinHandle<std::io::Result<()>>> {
    let path = data.operator_socket()?;
    match socket::listen(&path) {
        Ok(listener) => Some(serve(listener, routes, stop)),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "there is no socket for the operator");
            None
        }
    }
}
