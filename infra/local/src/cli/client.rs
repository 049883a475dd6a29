use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;
use signalbox_domain::EnrolmentKey;
use signalbox_wire::{Hello, Notification, Register, SUBPROTOCOL, base64url};
use uuid::Uuid;

use crate::client::{
    Identity, KeptSession, Sender, Subscription, SubscriptionKeys, SubscriptionPublicKeys, Terminal,
    TerminalError, VapidKey, read_private, write_private,
};

/// Below the 10 minutes after which API Gateway cuts an idle connection.
const PING_EVERY: Duration = Duration::from_secs(5 * 60);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Where the clients keep what they must remember.
#[derive(Debug, Args)]
struct Home {
    /// Where the clients keep their files: the terminal's identity, its subscription, and the sender's VAPID key.
    #[arg(long, env = "SIGNALBOX_CLIENT", default_value = "data/client", value_name = "DIR")]
    client: PathBuf,
}

impl Home {
    fn identity(&self) -> PathBuf {
        self.client.join("terminal.json")
    }

    fn subscription(&self) -> PathBuf {
        self.client.join("subscription.json")
    }

    fn vapid(&self) -> PathBuf {
        self.client.join("vapid.json")
    }
}

/// Whom the clients trust.
#[derive(Debug, Args)]
pub(super) struct Trust {
    /// Trust the certificates in this file (PEM) and no others: ca.pem of a service with --tls. By default those that the
    /// system trusts.
    #[arg(long, env = "SIGNALBOX_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Trust {
    pub(super) fn read(&self) -> Result<Option<String>, Box<dyn Error>> {
        let Some(path) = &self.ca else { return Ok(None) };
        let pem = read_private(path)?.ok_or_else(|| format!("{} is not there", path.display()))?;
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(format!("{}: there is no certificate in it", path.display()).into());
        }
        Ok(Some(pem))
    }
}

/// A terminal.
#[derive(Debug, Args)]
pub struct TerminalOptions {
    /// The push service.
    #[arg(long, env = "SIGNALBOX_URL", default_value = "ws://127.0.0.1:8080/")]
    url: String,
    /// The name under which the application asks for its session; its server must then validate the token first.
    #[arg(long)]
    app: Option<String>,
    /// The only application server key that may use the session, in base64url.
    #[arg(long)]
    key: Option<String>,
    /// Take notifications that are not encrypted, too, as `signalbox broadcast` sends them: the push service can read them.
    #[arg(long)]
    plain: bool,
    /// What the service gives its terminals, where it does not take everybody: needed once, to become one. Better in the
    /// variable, as other users can see arguments.
    #[arg(long, env = "SIGNALBOX_ENROLMENT_KEY", hide_env_values = true, value_name = "KEY")]
    enrolment: Option<EnrolmentKey>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    home: Home,
}

impl TerminalOptions {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let ca = self.trust.read()?;
        let mut pause = FIRST_PAUSE;
        loop {
            let connected = Terminal::connect_trusting(&self.url, Some(SUBPROTOCOL), ca.as_deref()).await;
            let mut terminal = match connected {
                Ok(terminal) => {
                    pause = FIRST_PAUSE;
                    terminal
                }
                Err(error @ TerminalError::Ca(_)) => return Err(error.into()),
                Err(error) => {
                    say(&format!("{error}; trying again in {} s", pause.as_secs()))?;
                    tokio::time::sleep(pause).await;
                    pause = LONGEST_PAUSE.min(pause * 2);
                    continue;
                }
            };
            match self.serve(&mut terminal).await {
                Ok(never) => match never {},
                Err(Stopped::Refused(error)) => return Err(error),
                Err(Stopped::Disconnected(error)) => say(&format!("{error}; connecting again"))?,
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// From `hello` to the end of the connection.
    async fn serve(&self, terminal: &mut Terminal) -> Result<std::convert::Infallible, Stopped> {
        let mut identity = Identity::load(&self.home.identity())?;
        let hello = Hello {
            uaid: identity.uaid.clone(),
            use_webpush: Some(true),
            urgency: None,
            enrolment: self.enrolment.as_ref().map(|key| key.expose().to_owned()),
        };
        let hello = terminal.hello_as(hello).await?;
        if hello.status != 200 {
            return Err(Stopped::Refused(format!("hello was answered with status {}", hello.status).into()));
        }
        if identity.uaid.as_deref() != Some(&hello.uaid) {
            say("provisioned as a new terminal")?;
            identity = Identity { uaid: Some(hello.uaid), session: None };
            identity.save(&self.home.identity())?;
        }
        let session = self.session(terminal, identity).await?;
        say(&format!("waiting for notifications to {}", session.endpoint))?;
        loop {
            tokio::select! {
                notification = terminal.next() => {
                    let notification = notification?;
                    show(&session.keys, &notification)?;
                    terminal.acknowledge(&notification).await?;
                }
                () = tokio::time::sleep(PING_EVERY) => terminal.ping().await?,
            }
        }
    }

    /// The session that was kept, if it is of this application; else a new one.
    async fn session(&self, terminal: &mut Terminal, identity: Identity) -> Result<KeptSession, Stopped> {
        let asked = (&self.app, &self.key, self.plain);
        let kept = identity.session.filter(|kept| (&kept.app, &kept.key, kept.plain) == asked);
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let channel = signalbox_wire::ChannelId::from_bytes(*Uuid::new_v4().as_bytes());
        let encodings = if self.plain { vec!["identity".to_owned()] } else { Vec::new() };
        let register = Register { channel, key: self.key.clone(), app: self.app.clone(), encodings };
        let answer = terminal.register(register).await?;
        let Some(endpoint) = answer.endpoint else {
            let detail = answer.detail.unwrap_or_default();
            return Err(Stopped::Refused(format!("register: status {}, {detail}", answer.status).into()));
        };
        let keys = SubscriptionKeys::generate()?;
        let (app, key, plain) = (self.app.clone(), self.key.clone(), self.plain);
        let session = KeptSession { channel, endpoint, app, key, plain, keys };
        Identity { uaid: identity.uaid, session: Some(session.clone()) }.save(&self.home.identity())?;
        let subscription = Subscription {
            endpoint: session.endpoint.clone(),
            keys: SubscriptionPublicKeys {
                p256dh: session.keys.p256dh()?,
                auth: session.keys.auth().to_owned(),
            },
        };
        let json = serde_json::to_string(&subscription)?;
        write_private(&self.home.subscription(), &json)?;
        say(&format!("the subscription, for its server: {json}"))?;
        Ok(session)
    }
}

/// Why a terminal's connection ended.
enum Stopped {
    /// It makes no sense to try again.
    Refused(Box<dyn Error>),
    /// It does.
    Disconnected(TerminalError),
}

impl From<TerminalError> for Stopped {
    fn from(error: TerminalError) -> Self {
        match error {
            // The service says so where it wants the terminal to come again.
            TerminalError::Refused { ref reason, .. }
                if reason == "more-waits" || reason == "unavailable" =>
            {
                Self::Disconnected(error)
            }
            TerminalError::Closed | TerminalError::Unanswered | TerminalError::Connection(_) => {
                Self::Disconnected(error)
            }
            error => Self::Refused(error.into()),
        }
    }
}

macro_rules! refused {
    ($($error:ty),*) => {$(
        impl From<$error> for Stopped {
            fn from(error: $error) -> Self {
                Self::Refused(error.into())
            }
        }
    )*};
}

refused!(std::io::Error, serde_json::Error, crate::client::IdentityError, crate::client::EncryptionError);

fn show(keys: &SubscriptionKeys, notification: &Notification) -> std::io::Result<()> {
    let Some(data) = &notification.data else { return say("notification without a payload") };
    let payload = base64url::decode_lenient(data).unwrap_or_default();
    if notification.headers.as_ref().is_some_and(|headers| headers.encoding == "identity") {
        return say(&format!("notification, not encrypted: {}", String::from_utf8_lossy(&payload)));
    }
    match keys.decrypt(&payload) {
        Ok(text) => say(&format!("notification: {}", String::from_utf8_lossy(&text))),
        Err(error) => say(&format!("notification of {} bytes: {error}", payload.len())),
    }
}

/// An application server.
#[derive(Debug, Args)]
pub struct ServerOptions {
    /// The server's VAPID key pair, in a file as `web-push generate-vapid-keys --json` writes it; made where there is none.
    #[arg(long, value_name = "FILE")]
    vapid: Option<PathBuf>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    home: Home,
}

impl ServerOptions {
    pub(super) fn sender(&self) -> Result<Sender, Box<dyn Error>> {
        let path = self.vapid.clone().unwrap_or_else(|| self.home.vapid());
        let key = match read_private(&path)? {
            Some(json) => VapidKey::from_json(&json)?,
            None => new_key(&path)?,
        };
        Ok(match self.trust.read()? {
            Some(ca) => Sender::trusting(key, &ca)?,
            None => Sender::new(key),
        })
    }
}

/// An application server that has the subscription of a session.
#[derive(Debug, Args)]
pub struct SenderOptions {
    /// The subscription that the application has handed over, in a file. By default what `signalbox terminal` has written.
    #[arg(long, value_name = "FILE")]
    subscription: Option<PathBuf>,
    #[command(flatten)]
    server: ServerOptions,
}

impl SenderOptions {
    fn subscription(&self) -> Result<Subscription, Box<dyn Error>> {
        let path = self.subscription.clone().unwrap_or_else(|| self.server.home.subscription());
        let json = read_private(&path)?
            .ok_or_else(|| format!("{} is not there: run `signalbox terminal` first", path.display()))?;
        Ok(serde_json::from_str(&json).map_err(|error| format!("{}: {error}", path.display()))?)
    }
}

fn new_key(path: &Path) -> Result<VapidKey, Box<dyn Error>> {
    let key = VapidKey::generate()?;
    write_private(path, &key.to_json()?)?;
    say(&format!("made a VAPID key, {}", key.public_key()))?;
    Ok(key)
}

/// Validating a token.
#[derive(Debug, Args)]
pub struct ValidateOptions {
    #[command(flatten)]
    sender: SenderOptions,
}

impl ValidateOptions {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let subscription = self.sender.subscription()?;
        let answer = self.sender.server.sender()?.validate(&subscription.endpoint).await?;
        Ok(say(&serde_json::to_string(&answer)?)?)
    }
}

/// Sending a notification.
#[derive(Debug, Args)]
pub struct PushOptions {
    /// The text to send.
    text: String,
    /// How many seconds it may wait for its terminal.
    #[arg(long, default_value_t = 3600)]
    ttl: u32,
    #[command(flatten)]
    sender: SenderOptions,
}

impl PushOptions {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let subscription = self.sender.subscription()?;
        let accepted = self.sender.server.sender()?.push(&subscription, &self.text, self.ttl).await?;
        let shown = json!({"accepted": true, "location": accepted.location, "ttl": accepted.ttl});
        Ok(say(&shown.to_string())?)
    }
}

/// Prints a line, also where nobody reads by lines.
pub(super) fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}
