use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use signalbox_wire::{
    Ack, AckUpdate, Hello, HelloAnswer, Notification, PONG, Register, RegisterAnswer, SUBPROTOCOL,
    ServiceMessage, TerminalMessage, Unregister, UnregisterAnswer,
};
use tokio::net::TcpStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

type Watcher = Box<dyn FnMut(&str) + Send>;

/// A terminal's connection to a push service, one message at a time.
pub struct Terminal {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// What came while an answer was awaited.
    early: std::collections::VecDeque<Notification>,
    /// Is shown each message as it came.
    watcher: Option<Watcher>,
}

/// The connection or the protocol failed.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// The connection.
    #[error("the connection failed: {0}")]
    Connection(Box<tungstenite::Error>),
    /// What is to be trusted.
    #[error("the CA cannot be trusted: {0}")]
    Ca(String),
    /// No answer.
    #[error("the push service did not answer within {} s", ANSWER.as_secs())]
    Unanswered,
    /// Closed by the other side.
    #[error("the push service closed the connection")]
    Closed,
    /// The service said what we did wrong.
    #[error("the push service refused, {reason}: {detail}")]
    Refused {
        /// A short word.
        reason: String,
        /// A sentence.
        detail: String,
    },
    /// What came is not the protocol.
    #[error("the push service sent what is not the protocol: {0}")]
    NotProtocol(String),
}

impl From<tungstenite::Error> for TerminalError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => Self::Closed,
            error => Self::Connection(Box::new(error)),
        }
    }
}

/// Firefox waits as long.
const ANSWER: Duration = Duration::from_secs(10);

/// What a terminal may get.
#[derive(Debug)]
enum Received {
    Message(ServiceMessage),
    Pong,
}

impl Terminal {
    /// Connects, offering the subprotocol `push-notification`.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn connect(url: &str) -> Result<Self, TerminalError> {
        Self::connect_offering(url, Some(SUBPROTOCOL)).await
    }

    /// Connects, offering this subprotocol; it fails where the service does not take it up.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn connect_offering(
        url: &str,
        subprotocol: Option<&'static str>,
    ) -> Result<Self, TerminalError> {
        Self::connect_trusting(url, subprotocol, None).await
    }

    /// Connects, offering this subprotocol, and trusting the certificates of this PEM text and no others; by default those
    /// that the system trusts.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn connect_trusting(
        url: &str,
        subprotocol: Option<&'static str>,
        ca: Option<&str>,
    ) -> Result<Self, TerminalError> {
        let connector = ca.map(connector).transpose()?;
        let mut request = url.into_client_request()?;
        if let Some(subprotocol) = subprotocol {
            request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
        }
        let (stream, _) = connect_async_tls_with_config(request, None, false, connector).await?;
        Ok(Self { stream, early: std::collections::VecDeque::new(), watcher: None })
    }

    /// Shows every message that comes, as its text, before it is read.
    pub fn watch(&mut self, watcher: impl FnMut(&str) + Send + 'static) {
        self.watcher = Some(Box::new(watcher));
    }

    /// Asks to be provisioned (R2).
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn hello(&mut self, uaid: Option<String>) -> Result<HelloAnswer, TerminalError> {
        self.hello_as(Hello { uaid, use_webpush: Some(true), ..Hello::default() }).await
    }

    /// Asks to be provisioned, in other words than [`Terminal::hello`].
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn hello_as(&mut self, hello: Hello) -> Result<HelloAnswer, TerminalError> {
        self.send(&TerminalMessage::Hello(hello)).await?;
        match self.answer().await? {
            ServiceMessage::Hello(answer) => Ok(answer),
            other => Err(unexpected(&other)),
        }
    }

    /// Asks for a session (R5).
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn register(&mut self, register: Register) -> Result<RegisterAnswer, TerminalError> {
        self.send(&TerminalMessage::Register(register)).await?;
        match self.answer().await? {
            ServiceMessage::Register(answer) => Ok(answer),
            other => Err(unexpected(&other)),
        }
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn unregister(&mut self, unregister: Unregister) -> Result<UnregisterAnswer, TerminalError> {
        self.send(&TerminalMessage::Unregister(unregister)).await?;
        match self.answer().await? {
            ServiceMessage::Unregister(answer) => Ok(answer),
            other => Err(unexpected(&other)),
        }
    }

    /// The next notification.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn next(&mut self) -> Result<Notification, TerminalError> {
        if let Some(notification) = self.early.pop_front() {
            return Ok(notification);
        }
        loop {
            match self.receive().await? {
                Received::Message(ServiceMessage::Notification(notification)) => return Ok(notification),
                Received::Message(other) => return Err(unexpected(&other)),
                Received::Pong => {}
            }
        }
    }

    /// Acknowledges a notification: it never comes again.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn acknowledge(&mut self, notification: &Notification) -> Result<(), TerminalError> {
        let update = AckUpdate {
            channel: notification.channel,
            version: notification.version.clone(),
            code: Some(100),
        };
        self.send(&TerminalMessage::Ack(Ack { updates: vec![update] })).await
    }

    /// Keeps the connection from being idle; the answer is taken by whatever is awaited next.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn ping(&mut self) -> Result<(), TerminalError> {
        self.send_text(PONG.to_owned()).await
    }

    /// Waits for the answer to a [`Terminal::ping`].
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn pong(&mut self) -> Result<(), TerminalError> {
        let pong = async {
            loop {
                match self.receive().await? {
                    Received::Pong => return Ok(()),
                    Received::Message(ServiceMessage::Notification(early)) => self.early.push_back(early),
                    Received::Message(other) => return Err(unexpected(&other)),
                }
            }
        };
        tokio::time::timeout(ANSWER, pong).await.map_err(|_| TerminalError::Unanswered)?
    }

    /// Sends any text.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn send_text(&mut self, text: String) -> Result<(), TerminalError> {
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// [`TerminalError`].
    pub async fn close(mut self) -> Result<(), TerminalError> {
        self.stream.close(None).await?;
        while let Some(Ok(_)) = self.stream.next().await {}
        Ok(())
    }

    async fn send(&mut self, message: &TerminalMessage) -> Result<(), TerminalError> {
        let text =
            serde_json::to_string(message).map_err(|error| TerminalError::NotProtocol(error.to_string()))?;
        self.send_text(text).await
    }

    /// The next message that is no notification.
    async fn answer(&mut self) -> Result<ServiceMessage, TerminalError> {
        tokio::time::timeout(ANSWER, self.next_answer()).await.map_err(|_| TerminalError::Unanswered)?
    }

    async fn next_answer(&mut self) -> Result<ServiceMessage, TerminalError> {
        loop {
            match self.receive().await? {
                Received::Message(ServiceMessage::Notification(early)) => self.early.push_back(early),
                Received::Message(ServiceMessage::Error(error)) => {
                    return Err(TerminalError::Refused {
                        reason: error.reason.to_string(),
                        detail: error.detail,
                    });
                }
                Received::Message(message) => return Ok(message),
                Received::Pong => {}
            }
        }
    }

    async fn receive(&mut self) -> Result<Received, TerminalError> {
        loop {
            match self.stream.next().await.ok_or(TerminalError::Closed)?? {
                Message::Text(text) => {
                    if let Some(watcher) = &mut self.watcher {
                        watcher(&text);
                    }
                    return read(&text);
                }
                Message::Close(_) => return Err(TerminalError::Closed),
                _ => {}
            }
        }
    }
}

/// Connects by TLS where the URL says so, trusting these certificates alone.
fn connector(ca: &str) -> Result<Connector, TerminalError> {
    let refused = |error: &dyn std::error::Error| TerminalError::Ca(error.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        let certificate = certificate.map_err(|error| refused(&error))?;
        roots.add(certificate).map_err(|error| refused(&error))?;
    }
    if roots.is_empty() {
        return Err(TerminalError::Ca("there is no certificate in it".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

fn read(text: &Utf8Bytes) -> Result<Received, TerminalError> {
    if text.as_str().trim() == PONG {
        return Ok(Received::Pong);
    }
    serde_json::from_str(text)
        .map(Received::Message)
        .map_err(|_| TerminalError::NotProtocol(text.chars().take(200).collect()))
}

fn unexpected(message: &ServiceMessage) -> TerminalError {
    match message {
        ServiceMessage::Error(error) => {
            TerminalError::Refused { reason: error.reason.to_string(), detail: error.detail.clone() }
        }
        other => TerminalError::NotProtocol(format!("an unexpected message: {other:?}")),
    }
}
