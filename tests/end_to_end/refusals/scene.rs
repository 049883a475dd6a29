use serde_json::{Value, json};
use signalbox::client::Terminal;
use signalbox_wire::{Register, Unregister};
use uuid::Uuid;

use super::draft::{Call, Draft};
use crate::support::{App, Server, Service, assert_nothing_came, channel, http, next};

/// A terminal with sessions in every state, and two servers.
pub struct Scene {
    pub service: Service,
    /// As the service calls itself.
    pub origin: String,
    terminal: Terminal,
    pub server: Server,
    pub other: Server,
    /// Implicit, of the server's key.
    pub named: App,
    /// Implicit, of no key.
    pub open: App,
    /// Explicit; nobody has validated it.
    pub explicit: App,
    /// Explicit; the server has validated it.
    pub validated: App,
    /// Of the server's key; its terminal has ended it.
    pub ended: App,
    /// Of the server's key; two newer tokens have replaced this one.
    pub replaced: App,
    /// The name that the sender has of a message, which it has withdrawn.
    pub message: String,
    /// The name of that message's receipt.
    pub receipt: String,
    /// A job of the server, which is done, and the key of its request.
    pub job: String,
    pub job_key: String,
    /// An audience of the server.
    pub audience: String,
}

impl Scene {
    pub async fn new() -> Self {
        let service = Service::start();
        let origin = url::Url::parse(&service.public_url).unwrap().origin().ascii_serialization();
        let (server, other) = (Server::new(), Server::new());
        let (mut terminal, _) = service.terminal().await;
        let key = Some(server.key.public_key());
        let named = App::register(&mut terminal, None, key).await;
        let open = App::register(&mut terminal, None, None).await;
        let explicit = App::register(&mut terminal, Some("mail"), None).await;
        let validated = App::register(&mut terminal, Some("chat"), None).await;
        let validation = service.validate(&server, json!({"token": validated.token()})).await;
        assert_eq!(validation.status(), 200);
        let ended = App::register(&mut terminal, None, key).await;
        terminal.unregister(Unregister { channel: ended.channel, code: None }).await.unwrap();
        let again =
            Register { channel: channel(), key: key.map(Into::into), app: None, encodings: Vec::new() };
        let replaced = App::register_as(&mut terminal, again.clone()).await;
        for _ in 0..2 {
            App::register_as(&mut terminal, again.clone()).await;
        }
        let (message, receipt) = given_up(&service, &server, &named, &mut terminal).await;
        let (job, job_key) = job(&service, &server).await;
        let audience = audience(&service, &server, &named).await;
        Self {
            service,
            origin,
            terminal,
            server,
            other,
            named,
            open,
            explicit,
            validated,
            ended,
            replaced,
            message,
            receipt,
            job,
            job_key,
            audience,
        }
    }

    /// Nothing of what was refused has crossed to the terminal (R21), and what is right still does.
    pub async fn end(mut self) {
        assert_nothing_came(&mut self.terminal).await;
        for app in [&self.named, &self.open, &self.validated] {
            self.service.deliver(&self.server, app, "good").await;
            assert_eq!(app.read(&next(&mut self.terminal).await), "good");
        }
        // The mistakes are what the drafts are refused for.
        for (call, status) in [
            (Call::Withdraw, 204),
            (Call::Validate, 200),
            (Call::Push, 201),
            (Call::FanOut, 202),
            (Call::Job, 200),
            (Call::Audience, 200),
            (Call::Revoke, 204),
        ] {
            let answer = Draft::new(call, &self).send(&self).await;
            assert_eq!(answer.status(), status, "{call:?} without a mistake");
        }
    }
}

/// A message with a receipt, that is withdrawn before its terminal has acknowledged it: their names.
async fn given_up(
    service: &Service,
    server: &Server,
    app: &App,
    terminal: &mut Terminal,
) -> (String, String) {
    let request = server.sign(app.push("withdrawn"), &service.public_url);
    let answer = request.header("Prefer", "respond-async").send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    let (location, link) = (header("location"), header("link"));
    let receipt = link.split(&['<', '>'][..]).nth(1).unwrap();
    assert_eq!(app.read(&next(terminal).await), "withdrawn");
    assert_eq!(http().delete(location).send().await.unwrap().status(), 204);
    let name = |url: &str| url.rsplit('/').next().unwrap().to_owned();
    (name(location), name(receipt))
}

/// A job for nobody who is there: its name, and the key of its request.
async fn job(service: &Service, server: &Server) -> (String, String) {
    let key = Uuid::new_v4().to_string();
    let list = json!({"ttl": 0, "recipients": [{"token": "forged"}]});
    let request = http().post(format!("{}/v1/notifications", service.public_url)).json(&list);
    let request = server.sign(request, &service.public_url).header("Idempotency-Key", &key);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let told: Value = answer.json().await.unwrap();
    (told["job"].as_str().unwrap().to_owned(), key)
}

/// An audience with one member: its name.
async fn audience(service: &Service, server: &Server, member: &App) -> String {
    let name = format!("news-{}", Uuid::new_v4().simple());
    let request = http().patch(format!("{}/v1/audiences/{name}", service.public_url));
    let request = server.sign(request.json(&json!({"add": [member.token()]})), &service.public_url);
    assert_eq!(request.send().await.unwrap().status(), 200);
    name
}
