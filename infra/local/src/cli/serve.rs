use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use signalbox_domain::{AuthorizationMode, AuthorizationPolicy, PublicUrl};
use tokio::signal::unix::{SignalKind, signal};

use crate::host::{Data, Host, HostOptions};

/// How the service runs.
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Where terminals and application servers connect.
    #[arg(long, env = "SIGNALBOX_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// What application servers reach it under; endpoints begin with it. By default the address listened on.
    #[arg(long, env = "SIGNALBOX_PUBLIC_URL", value_name = "URL")]
    public_url: Option<PublicUrl>,
    /// Where the store and the keys are kept.
    #[arg(long, env = "SIGNALBOX_DATA", default_value = "data", value_name = "DIR")]
    data: PathBuf,
    /// Keep nothing, whatever --data says: store and keys live in memory and end with the process.
    #[arg(long, env = "SIGNALBOX_MEMORY", value_parser = BoolishValueParser::new())]
    memory: bool,
    /// One mode of authorization for all sessions.
    #[arg(long, env = "SIGNALBOX_AUTHORIZATION", default_value = "default")]
    authorization: Mode,
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
        let data = if self.memory { Data::Memory } else { Data::Directory(self.data) };
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let host = Host::start(HostOptions {
            listen: self.listen,
            public_url: self.public_url,
            data,
            authorization: self.authorization.into(),
        })
        .await?;
        // Who has closed our output does not want to read it; the service goes on.
        let _ = std::io::stdout().write_all(greeting(&host).as_bytes());
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        host.stop().await;
        Ok(())
    }
}

/// Where everything is, and a line to try.
fn greeting(host: &Host) -> String {
    let websocket_url = host.websocket_url();
    format!(
        "terminals connect to    {websocket_url}\n\
         endpoints begin with    {}/push/\n\
         to try it, in another shell:\n    cargo run -- terminal --url {websocket_url}\n",
        host.public_url(),
    )
}
