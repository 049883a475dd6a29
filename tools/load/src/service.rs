use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use signalbox_wire::{ChannelId, Register};

use crate::network::{Network, TrustError};
use crate::target::{Origin, Reach, Target, TargetError};
use crate::terminal::{Terminal, TerminalError};
use crate::vapid::{Unsigned, Vapid};

/// How a service is reached.
#[derive(Debug, clap::Args)]
pub(crate) struct ServiceOptions {
    /// Where terminals connect.
    #[arg(long, default_value = "ws://127.0.0.1:8080/", value_name = "URL")]
    url: String,
    /// Says that the server may be under load though it is not on this machine.
    #[arg(long)]
    i_own_this_server: bool,
    /// The certificates to trust, in PEM, instead of the system's.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// An address to connect from, for more connections than one has ports for; may be repeated.
    #[arg(long, value_name = "IP")]
    source: Vec<IpAddr>,
    /// Bind each session to a key, and send a VAPID header of it, signed once for the run.
    #[arg(long)]
    vapid: bool,
    /// The seconds that an answer may take, to a terminal or to a post: the service may have thousands to answer at once.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    answer_within: u64,
}

/// To whom a run sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sends {
    /// Each message to one session.
    Singly,
    /// One notification to many, too: that needs a VAPID header, and sessions that take bodies which are not encrypted.
    ToMany,
}

/// The service under load.
pub(crate) struct Service {
    url: String,
    terminals: Target,
    network: Network,
    endpoints: Endpoints,
    answer_within: Duration,
    sends: Sends,
}

/// Where its endpoints are, and who sends to them.
struct Endpoints {
    origin: String,
    target: Target,
    vapid: Option<Vapid>,
    authorization: Option<HeaderValue>,
}

/// The service cannot be put under load.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("a first terminal: {0}")]
    Terminal(#[from] TerminalError),
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error("its endpoints have no origin")]
    NoOrigin,
}

impl ServiceOptions {
    /// For a report.
    pub(crate) fn describe(&self) -> serde_json::Value {
        serde_json::json!({"url": self.url, "vapid": self.vapid})
    }
}

impl Service {
    /// Reaches it, with one terminal and one session, to learn where its endpoints are.
    pub(crate) async fn find(options: &ServiceOptions, sends: Sends) -> Result<Self, ServiceError> {
        let reach = if options.i_own_this_server { Reach::Anywhere } else { Reach::Loopback };
        let terminals = Target::resolve(&options.url, reach).await?;
        let network = Network::new(terminals.encrypted, options.ca.as_deref(), options.source.clone())?;

        let answer_within = Duration::from_secs(options.answer_within);
        let mut scout = Terminal::connect(&network, &terminals, &options.url, answer_within).await?;
        scout.hello(None).await?;
        let register = Register { channel: new_channel(), key: None, app: None, encodings: Vec::new() };
        let endpoint = scout.register(register).await?;
        scout.close().await;

        let origin = Origin::of(&endpoint).ok_or(ServiceError::NoOrigin)?.to_string();
        let target = Target::resolve(&endpoint, reach).await?;
        let vapid = if options.vapid || sends == Sends::ToMany { Some(Vapid::generate()?) } else { None };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let authorization = vapid.as_ref().map(|vapid| vapid.authorization(&origin, now)).transpose()?;
        let endpoints = Endpoints { origin, target, vapid, authorization };
        Ok(Self { url: options.url.clone(), terminals, network, endpoints, answer_within, sends })
    }

    /// A connection of a terminal, without a word yet.
    pub(crate) async fn connect(&self) -> Result<Terminal, TerminalError> {
        Terminal::connect(&self.network, &self.terminals, &self.url, self.answer_within).await
    }

    /// A new session of this terminal: its channel, and the path of its endpoint.
    pub(crate) async fn register(&self, terminal: &mut Terminal) -> Result<(String, Uri), TerminalError> {
        let channel = new_channel();
        let key = self.endpoints.vapid.as_ref().map(Vapid::public_key);
        let encodings = match self.sends {
            Sends::Singly => Vec::new(),
            Sends::ToMany => vec!["identity".to_owned()],
        };
        let endpoint = terminal.register(Register { channel, key, app: None, encodings }).await?;
        let unusable = || TerminalError::Refused("an endpoint of another origin than its first".to_owned());
        // What is allowed to be under load was looked at for this origin alone.
        let origin = Origin::of(&endpoint).ok_or_else(unusable)?.to_string();
        if origin != self.endpoints.origin {
            return Err(unusable());
        }
        let path = endpoint.parse::<Uri>().ok().and_then(|uri| uri.into_parts().path_and_query);
        Ok((channel.to_string(), path.ok_or_else(unusable)?.into()))
    }

    /// A connection of a sender.
    pub(crate) async fn connect_sender(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = self.network.connect(&self.endpoints.target).await?;
        let (requests, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with the requests' side. How it failed is said to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(requests)
    }

    /// Where senders connect.
    pub(crate) fn endpoints(&self) -> &Target {
        &self.endpoints.target
    }

    /// How long an answer may take.
    pub(crate) fn answer_within(&self) -> Duration {
        self.answer_within
    }

    /// What senders prove themselves with, if at all.
    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.endpoints.authorization.as_ref()
    }
}

fn new_channel() -> ChannelId {
    ChannelId::from_bytes(uuid::Uuid::new_v4().into_bytes())
}
