use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use signalbox_domain::{AuthorizationMode, AuthorizationPolicy, BodyLimit, Origin, PublicUrl};
use tokio::signal::unix::{SignalKind, signal};

use crate::host::{Data, Host, HostOptions, Tls};

/// How the service runs.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the command line are just that")]
pub struct ServeOptions {
    /// Where terminals and application servers connect.
    #[arg(long, env = "SIGNALBOX_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// What application servers reach it under; endpoints begin with it. By default the address listened on.
    #[arg(long, env = "SIGNALBOX_PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// An origin that endpoints have begun with before: senders that hold one name it in VAPID's `aud`, and it stays
    /// accepted. May be given several times.
    #[arg(
        long = "earlier-origin",
        env = "SIGNALBOX_EARLIER_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGIN"
    )]
    earlier_origins: Vec<Origin>,
    /// Where the store and the keys are kept.
    #[arg(long, env = "SIGNALBOX_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Keep nothing, whatever --data says: store and keys live in memory and end with the process.
    #[arg(long, env = "SIGNALBOX_MEMORY", value_parser = BoolishValueParser::new())]
    memory: bool,
    /// Speak HTTPS and WSS, with certificates of a CA of the service's own; clients are to trust ca.pem in the data
    /// directory.
    #[arg(long, env = "SIGNALBOX_TLS", value_parser = BoolishValueParser::new())]
    tls: bool,
    /// Speak HTTPS and WSS with this certificate (PEM, with what leads to its CA behind it); needs --key.
    #[arg(long, env = "SIGNALBOX_CERT", value_name = "FILE")]
    cert: Option<PathBuf>,
    /// The private key of --cert (PEM, not encrypted).
    #[arg(long, env = "SIGNALBOX_KEY", value_name = "FILE")]
    key: Option<PathBuf>,
    /// One mode of authorization for all sessions.
    #[arg(long, env = "SIGNALBOX_AUTHORIZATION", default_value = "default")]
    authorization: Mode,
    /// The largest body of a notification, in bytes: 4096 to 23000. By default 5630.
    #[arg(long, env = "SIGNALBOX_BODY_LIMIT", value_name = "BYTES")]
    body_limit: Option<BodyLimit>,
    /// Where operators connect: what the socket operator.sock in the data directory serves is served here too, to who has the
    /// key in operator.key there. Nowhere by default.
    #[arg(long, env = "SIGNALBOX_ADMIN_LISTEN", value_name = "ADDR:PORT")]
    admin_listen: Option<SocketAddr>,
    /// Post an empty message to each connected terminal every 8 minutes, which keeps a proxy in between from cutting it off.
    #[arg(long, env = "SIGNALBOX_KEEP_ALIVE", value_parser = BoolishValueParser::new())]
    keep_alive: bool,
    /// Take new terminals with an enrolment key alone: one of those in enrolment-keys.json in the data directory, which is made
    /// where there is none. Known terminals need none.
    #[arg(long, env = "SIGNALBOX_ENROLMENT", value_parser = BoolishValueParser::new())]
    enrolment: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// Explicit for sessions with an application's name, implicit for others.
    Default,
    /// A genuine token counts as its own validation.
    Implicit,
    /// Nothing is delivered before the server has validated.
    Explicit,
}

impl From<Mode> for AuthorizationPolicy {
    fn from(mode: Mode) -> Self {
        let forced = match mode {
            Mode::Default => None,
            Mode::Implicit => Some(AuthorizationMode::Implicit),
            Mode::Explicit => Some(AuthorizationMode::Explicit),
        };
        Self { forced }
    }
}

impl ServeOptions {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        // Not clap's `requires`, which does not see a variable and an option behind a command together.
        let tls = match (self.cert, self.key) {
            (Some(certificate), Some(key)) => Tls::Pair { certificate, key },
            (None, None) if self.tls => Tls::OwnCa,
            (None, None) => Tls::Off,
            (Some(_), None) => return Err("--cert needs --key, the file with the certificate's key".into()),
            (None, Some(_)) => return Err("--key needs --cert, the file with the key's certificate".into()),
        };
        let directory = self.data.display().to_string();
        let data = if self.memory { Data::Memory } else { Data::Directory(self.data) };
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut host = Host::start(HostOptions {
            listen: self.listen,
            public_url: self.public_url,
            earlier_origins: self.earlier_origins,
            data,
            tls,
            authorization: self.authorization.into(),
            body_limit: self.body_limit.unwrap_or_default(),
            admin_listen: self.admin_listen,
            keep_alive: self.keep_alive,
            enrolment: self.enrolment,
        })
        .await?;
        // Who has closed our output does not want to read it; the service goes on.
        let _ = std::io::stdout().write_all(greeting(&host).as_bytes());
        let failure = tokio::select! {
            _ = interrupt.recv() => None,
            _ = terminate.recv() => None,
            error = host.failed() => Some(error),
        };
        host.stop().await;
        match failure {
            None => Ok(()),
            Some(error) => Err(format!(
                "the disk under {directory} failed to keep what was written: {error}. What was accepted before is there: see \
                 to the disk, and start again"
            )
            .into()),
        }
    }
}

/// Where everything is, and a line to try.
fn greeting(host: &Host) -> String {
    let websocket_url = host.websocket_url();
    let (mut trust, mut option) = (String::new(), String::new());
    if let Some(ca) = host.ca() {
        trust = format!("clients are to trust    {}\n", ca.display());
        option = format!(" --ca {}", ca.display());
    }
    let operators = host.operators().map_or_else(String::new, |operators| {
        format!("operators connect to    {}, with the key in {}\n", operators.url, operators.key.display())
    });
    let (mut enrolment, mut key) = (String::new(), String::new());
    if let Some(keys) = host.enrolment_keys() {
        let keys = keys.display();
        enrolment = format!("terminals enrol with    a key of those in {keys}\n");
        // The first in the file, without showing it here.
        key = format!("SIGNALBOX_ENROLMENT_KEY=$(grep -oEm1 '[A-Za-z0-9._~-]{{32,}}' '{keys}' | head -n1) ");
    }
    format!(
        "terminals connect to    {websocket_url}\n\
         endpoints begin with    {}/push/\n\
         {operators}{enrolment}{trust}\
         to try it, in another shell:\n    {key}cargo run -- terminal --url {websocket_url}{option}\n",
        host.public_url(),
    )
}
