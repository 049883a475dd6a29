use std::time::Duration;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use signalbox_wire::{Hello, Register, SUBPROTOCOL, ServiceMessage, TerminalMessage};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::network::{Network, Stream};
use crate::target::Target;

/// How long a good-bye may take; the connection is cut after it.
const FAREWELL: Duration = Duration::from_secs(5);
/// Allocated for each connection at once. The library's 128 KiB would be 128 MB for a thousand.
const READ_BUFFER: usize = 4096;

/// A terminal's connection.
pub(crate) struct Terminal {
    socket: WebSocketStream<Stream>,
    /// How long an answer of the service may take.
    answer_within: Duration,
}

/// The connection or the protocol failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TerminalError {
    #[error("the connection failed: {0}")]
    Connection(#[from] Box<tungstenite::Error>),
    #[error("the connection was not made: {0}")]
    Unconnected(#[from] std::io::Error),
    #[error("the service did not answer a {to} within {} s", within.as_secs())]
    Unanswered { to: &'static str, within: Duration },
    #[error("the service closed the connection")]
    Closed,
    #[error("the service said {0}")]
    Refused(String),
}

impl From<tungstenite::Error> for TerminalError {
    fn from(error: tungstenite::Error) -> Self {
        Box::new(error).into()
    }
}

impl Terminal {
    /// Connects, without a word yet.
    pub(crate) async fn connect(
        network: &Network,
        target: &Target,
        url: &str,
        answer_within: Duration,
    ) -> Result<Self, TerminalError> {
        let stream = network.connect(target).await?;
        let mut request = url.into_client_request()?;
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER);
        let upgrade = client_async_with_config(request, stream, Some(config));
        let (socket, _) = tokio::time::timeout(answer_within, upgrade)
            .await
            .map_err(|_| TerminalError::Unanswered { to: "handshake", within: answer_within })??;
        Ok(Self { socket, answer_within })
    }

    /// Asks to be provisioned; the name that the terminal has from now on.
    pub(crate) async fn hello(&mut self, uaid: Option<&str>) -> Result<String, TerminalError> {
        let hello = Hello { uaid: uaid.map(ToOwned::to_owned), use_webpush: Some(true), ..Hello::default() };
        self.say(&TerminalMessage::Hello(hello)).await?;
        match self.answer("hello").await? {
            ServiceMessage::Hello(answer) if answer.status == 200 => Ok(answer.uaid),
            other => Err(TerminalError::Refused(format!("{other:?} to a hello"))),
        }
    }

    /// Asks for a session; its endpoint.
    pub(crate) async fn register(&mut self, register: Register) -> Result<String, TerminalError> {
        self.say(&TerminalMessage::Register(register)).await?;
        match self.answer("register").await? {
            ServiceMessage::Register(mut answer) if answer.status == 200 => {
                answer.endpoint.take().ok_or_else(|| TerminalError::Refused("no endpoint".to_owned()))
            }
            other => Err(TerminalError::Refused(format!("{other:?} to a register"))),
        }
    }

    /// The next text. None where the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<Utf8Bytes> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => return Some(text),
                Ok(Message::Close(_)) | Err(_) => return None,
                // Pings are answered by the library.
                Ok(_) => {}
            }
        }
    }

    /// The next text, if it is here already.
    pub(crate) fn next_at_once(&mut self) -> Option<Utf8Bytes> {
        self.next().now_or_never().flatten()
    }

    /// Puts a text to what is sent with the next [`Terminal::flush`].
    pub(crate) async fn feed(&mut self, text: String) -> Result<(), TerminalError> {
        Ok(self.socket.feed(Message::text(text)).await?)
    }

    pub(crate) async fn flush(&mut self) -> Result<(), TerminalError> {
        Ok(self.socket.flush().await?)
    }

    /// Says good-bye, and waits a little for the answer: by then the service has read all that was sent before.
    pub(crate) async fn close(mut self) {
        let farewell = async {
            if self.socket.close(None).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
    }

    async fn say(&mut self, message: &TerminalMessage) -> Result<(), TerminalError> {
        let text =
            serde_json::to_string(message).map_err(|error| TerminalError::Refused(error.to_string()))?;
        self.feed(text).await?;
        self.flush().await
    }

    /// Nothing else comes before it: this is only asked while nobody posts to the terminal.
    async fn answer(&mut self, to: &'static str) -> Result<ServiceMessage, TerminalError> {
        let within = self.answer_within;
        let text = tokio::time::timeout(within, self.next())
            .await
            .map_err(|_| TerminalError::Unanswered { to, within })?;
        let text = text.ok_or(TerminalError::Closed)?;
        serde_json::from_str(&text)
            .map_err(|_| TerminalError::Refused(text.chars().take(200).collect::<String>()))
    }
}
