//! A running push service, and the parties that talk to it.

pub mod described;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::header::AUTHORIZATION;
use reqwest::{RequestBuilder, Response};
use serde_json::{Value, json};
use signalbox::client::{
    Subscription, SubscriptionKeys, SubscriptionPublicKeys, Terminal, TerminalError, VapidKey, encrypt,
};
use signalbox_wire::{ChannelId, Hello, HelloAnswer, Notification, Register, SUBPROTOCOL, base64url};
use uuid::Uuid;

/// Longer than anything takes; waiting for what must come ends earlier.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// `signalbox serve` as a process of its own, on a port of its own.
pub struct Process {
    child: Child,
    pub websocket_url: String,
    pub public_url: String,
    /// Where operators connect, if it was asked to listen for them.
    pub operators_url: Option<String>,
}

impl Process {
    pub fn start(options: &[&str]) -> Self {
        Self::try_start(options).expect("it starts and prints its URLs")
    }

    /// Starts it where an ended one was. Another process may have got hold of the port meanwhile, for a while.
    pub fn start_again(public_url: &str, data: &Path) -> Self {
        let listen = public_url.strip_prefix("http://").expect("a URL without TLS");
        let options = ["--listen", listen, "--data", data.to_str().expect("a plain path")];
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Self::try_start(&options) {
                Some(process) => return process,
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(100)),
                None => panic!("{listen} stays taken"),
            }
        }
    }

    /// None where it ends before it serves; it has said why.
    fn try_start(options: &[&str]) -> Option<Self> {
        Self::start_as(Command::new(env!("CARGO_BIN_EXE_signalbox")), options)
    }

    /// By a command that ends in the program. None where it ends before it serves; it has said why.
    pub fn start_as(mut command: Command, options: &[&str]) -> Option<Self> {
        let child = command
            .arg("serve")
            .args(options)
            .env("SIGNALBOX_LISTEN", "127.0.0.1:0")
            .env("SIGNALBOX_LOG", "warn")
            .env_remove("SIGNALBOX_DATA")
            .stdout(Stdio::piped())
            .spawn()
            .expect("signalbox starts");
        let (websocket_url, public_url) = (String::new(), String::new());
        let mut process = Self { child, websocket_url, public_url, operators_url: None };
        let mut lines = BufReader::new(process.child.stdout.take().expect("stdout is piped")).lines();
        let mut url_behind = |label: &str| {
            let line = lines.next()?.expect("in UTF-8");
            Some(line.strip_prefix(label).unwrap_or_else(|| panic!("{label}: {line}")).trim().to_owned())
        };
        process.websocket_url = url_behind("terminals connect to")?;
        let endpoints = url_behind("endpoints begin with")?;
        process.public_url = endpoints.trim_end_matches("/push/").into();
        if options.contains(&"--admin-listen") {
            let operators = url_behind("operators connect to")?;
            process.operators_url = operators.split(',').next().map(ToOwned::to_owned);
        }
        Some(process)
    }

    pub fn in_memory() -> Self {
        Self::start(&["--memory"])
    }

    pub fn on(data: &Path) -> Self {
        Self::start(&["--data", data.to_str().expect("a plain path")])
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has ended by itself; its exit status.
    pub fn ended(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }

    /// Kills it, at whatever it is.
    pub fn end_now(&mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
    }

    /// Sends a signal and waits for the end; its exit status, if it ended by itself.
    pub fn end(mut self, signal: &str) -> Option<i32> {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A push service under test: the deployed one that the environment names, or a process of our own.
pub struct Service {
    pub websocket_url: String,
    pub public_url: String,
    local: bool,
    /// What a new terminal presents, where the service asks for it.
    enrolment: Option<String>,
    /// Ends with the test.
    process: Option<Process>,
}

impl Service {
    pub fn start() -> Self {
        let url = |name: &str| std::env::var(name).ok().filter(|url| !url.is_empty());
        match (url("SIGNALBOX_E2E_WEBSOCKET_URL"), url("SIGNALBOX_E2E_PUBLIC_URL")) {
            (Some(websocket_url), Some(public_url)) => Self::deployed(&websocket_url, &public_url),
            (None, None) => Process::in_memory().into(),
            _ => panic!("set both SIGNALBOX_E2E_WEBSOCKET_URL and SIGNALBOX_E2E_PUBLIC_URL, or neither"),
        }
    }

    /// The deployed one at these URLs.
    pub fn deployed(websocket_url: &str, public_url: &str) -> Self {
        let (websocket_url, public_url) = (websocket_url.to_owned(), public_url.to_owned());
        Self { websocket_url, public_url, local: false, enrolment: None, process: None }
    }

    /// A process that the test keeps in its own hands.
    pub fn from_urls(process: &Process) -> Self {
        let (websocket_url, public_url) = (process.websocket_url.clone(), process.public_url.clone());
        Self { websocket_url, public_url, local: true, enrolment: None, process: None }
    }

    /// New terminals present this key in their `hello`.
    pub fn enrolling_with(self, key: String) -> Self {
        Self { enrolment: Some(key), ..self }
    }

    /// The URL of a terminal that presents the key when it connects.
    pub fn enrolling_url(&self) -> String {
        format!("{}?enrolment={}", self.websocket_url, self.enrolment.as_deref().expect("a key"))
    }

    /// The first message of a new terminal.
    pub fn hello(&self) -> Hello {
        Hello { enrolment: self.enrolment.clone(), ..Hello::default() }
    }

    /// Whether it runs on this machine: nothing else of it is different.
    pub fn is_local(&self) -> bool {
        self.local
    }

    pub async fn connect(&self) -> Terminal {
        self.try_connect().await.expect("the terminal connects")
    }

    pub async fn try_connect(&self) -> Result<Terminal, TerminalError> {
        self.try_connect_to(&self.websocket_url).await
    }

    /// With the key in the URL.
    pub async fn try_connect_enrolling(&self) -> Result<Terminal, TerminalError> {
        self.try_connect_to(&self.enrolling_url()).await
    }

    async fn try_connect_to(&self, url: &str) -> Result<Terminal, TerminalError> {
        // The emulator that the deployed suite runs on does not hand `$connect`'s headers on to the client.
        let subprotocol = self.is_local().then_some(SUBPROTOCOL);
        let mut terminal = Terminal::connect_offering(url, subprotocol).await?;
        terminal.watch(described::assert_frame);
        Ok(terminal)
    }

    /// A terminal that is provisioned.
    pub async fn terminal(&self) -> (Terminal, HelloAnswer) {
        let mut terminal = self.connect().await;
        let hello = terminal.hello_as(self.hello()).await.expect("hello is answered");
        assert_eq!(hello.status, 200);
        (terminal, hello)
    }

    /// A known terminal on another connection.
    pub async fn again(&self, uaid: &str) -> Terminal {
        let mut terminal = self.connect().await;
        let hello = terminal.hello(Some(uaid.to_owned())).await.expect("hello is answered");
        assert_eq!(hello.uaid, uaid);
        terminal
    }

    /// A signed push.
    pub async fn send(&self, server: &Server, to: &App, text: &str) -> Response {
        server.sign(to.push(text), &self.public_url).send().await.expect("the service answers")
    }

    /// A signed push that is accepted.
    pub async fn deliver(&self, server: &Server, to: &App, text: &str) -> Response {
        let answer = self.send(server, to, text).await;
        assert_eq!(answer.status(), 201, "{}", answer.text().await.unwrap_or_default());
        answer
    }

    pub async fn validate(&self, server: &Server, body: Value) -> Response {
        let request = http().post(format!("{}/v1/tokens/validate", self.public_url)).json(&body);
        server.sign(request, &self.public_url).send().await.expect("the service answers")
    }
}

impl From<Process> for Service {
    fn from(process: Process) -> Self {
        let (websocket_url, public_url) = (process.websocket_url.clone(), process.public_url.clone());
        Self { websocket_url, public_url, local: true, enrolment: None, process: Some(process) }
    }
}

/// The enrolment key that a host has made in its data directory.
pub fn enrolment_key_in(data: &Path) -> String {
    let keys = std::fs::read_to_string(data.join("enrolment-keys.json")).expect("the host has made it");
    let keys: Value = serde_json::from_str(&keys).expect("JSON");
    keys["1"].as_str().expect("a key").to_owned()
}

/// A client without a pool: what a test sends is sent, also after a service was restarted.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder().pool_max_idle_per_host(0).timeout(PATIENCE).build().expect("a client")
}

/// An application server.
pub struct Server {
    pub key: VapidKey,
}

impl Server {
    pub fn new() -> Self {
        Self { key: VapidKey::generate().expect("a key") }
    }

    pub fn sign(&self, request: RequestBuilder, url: &str) -> RequestBuilder {
        request.header(AUTHORIZATION, self.key.authorization(url).expect("a header"))
    }
}

/// An application with its session.
pub struct App {
    pub channel: ChannelId,
    pub subscription: Subscription,
    keys: SubscriptionKeys,
}

impl App {
    /// Asks for a session and gets it.
    pub async fn register(terminal: &mut Terminal, app: Option<&str>, key: Option<&str>) -> Self {
        let request = Register {
            channel: channel(),
            key: key.map(Into::into),
            app: app.map(Into::into),
            encodings: Vec::new(),
        };
        Self::register_as(terminal, request).await
    }

    pub async fn register_as(terminal: &mut Terminal, request: Register) -> Self {
        let answer = terminal.register(request.clone()).await.expect("register is answered");
        assert_eq!((answer.status, answer.channel), (200, request.channel), "{:?}", answer.detail);
        let keys = SubscriptionKeys::generate().expect("keys");
        let public =
            SubscriptionPublicKeys { p256dh: keys.p256dh().expect("a key"), auth: keys.auth().to_owned() };
        let endpoint = answer.endpoint.expect("an endpoint comes with status 200");
        Self { channel: request.channel, subscription: Subscription { endpoint, keys: public }, keys }
    }

    /// A request with everything that a push needs but its credentials.
    pub fn push(&self, text: &str) -> RequestBuilder {
        http()
            .post(&self.subscription.endpoint)
            .header("TTL", "60")
            .header("Content-Encoding", "aes128gcm")
            .header("Content-Type", "application/octet-stream")
            .body(self.encrypt(text))
    }

    pub fn token(&self) -> &str {
        self.subscription.endpoint.rsplit('/').next().expect("an endpoint has segments")
    }

    pub fn encrypt(&self, text: &str) -> Vec<u8> {
        encrypt(text.as_bytes(), &self.subscription.keys.p256dh, &self.subscription.keys.auth)
            .expect("it encrypts")
    }

    /// What a notification says.
    pub fn read(&self, notification: &Notification) -> String {
        assert_eq!(notification.channel, self.channel);
        assert_eq!(notification.headers.as_ref().map(|headers| headers.encoding.as_str()), Some("aes128gcm"));
        let data = notification.data.as_deref().expect("it has data");
        let text = self.keys.decrypt(&base64url::decode(data).expect("base64url")).expect("it decrypts");
        String::from_utf8(text).expect("text")
    }
}

pub fn channel() -> ChannelId {
    ChannelId::from_bytes(*Uuid::new_v4().as_bytes())
}

/// The next notification; fails where none comes.
pub async fn next(terminal: &mut Terminal) -> Notification {
    tokio::time::timeout(PATIENCE, terminal.next())
        .await
        .expect("a notification comes")
        .expect("the connection holds")
}

/// Nothing has crossed to the terminal: the answer to a ping is the first thing that comes, and nothing comes for a while
/// behind it.
pub async fn assert_nothing_came(terminal: &mut Terminal) {
    terminal.ping().await.expect("a ping is sent");
    terminal.pong().await.expect("a pong comes");
    let came = tokio::time::timeout(Duration::from_millis(300), terminal.next()).await;
    assert!(came.is_err(), "{came:?} came");
}

/// The kind of a problem, and its sentence.
pub async fn problem(answer: Response) -> (u16, String, String) {
    let status = answer.status().as_u16();
    let problem = problem_details(answer).await;
    let text = |member: &str| problem[member].as_str().expect("text").to_owned();
    let kind = text("type").strip_prefix("urn:signalbox:problem:").expect("a type of ours").to_owned();
    (status, kind, text("detail"))
}

/// A problem's whole body (RFC 9457), which is as described.
pub async fn problem_details(answer: Response) -> Value {
    let status = answer.status().as_u16();
    let (path, headers) = (answer.url().path().to_owned(), answer.headers().clone());
    let media_type = headers.get("content-type").cloned();
    let body = answer.text().await.expect("a body");
    assert_eq!(media_type.expect("a media type"), "application/problem+json", "{status} {body}");
    described::assert_answer(None, &path, status, &headers, &body);
    let problem: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(problem["status"], json!(status));
    problem
}
