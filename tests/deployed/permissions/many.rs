use reqwest::{Method, Response};
use serde_json::{Value, json};
use signalbox::client::Terminal;
use signalbox_domain::TokenDigest;
use signalbox_wire::{Register, base64url};
use uuid::Uuid;

use super::function::Function;
use super::scene::{Scene, terminal_id};
use crate::support::{App, channel, http};

/// An audience of the scene's server.
pub(super) struct Audience {
    pub(super) name: String,
    /// Where it is.
    pub(super) path: String,
}

impl Audience {
    /// One that is still to be made.
    pub(super) fn new() -> Self {
        let name = Uuid::new_v4().simple().to_string();
        Self { path: format!("/v1/audiences/{name}"), name }
    }
}

/// Fan-outs.
impl Scene {
    /// Asks for something as the application server.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let mut request = http().request(method, format!("{}{path}", self.service.public_url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.server.sign(request, &self.service.public_url).send().await.unwrap()
    }

    /// A job of this kind, of which further pages can be carried out.
    pub(super) async fn job(&self, ttl: u32, topic: Option<&'static str>) -> String {
        let mut jobs = self.jobs.lock().await;
        if let Some(job) = jobs.get(&(ttl, topic)) {
            return job.clone();
        }
        let job = self.new_job(ttl, topic).await;
        jobs.insert((ttl, topic), job.clone());
        job
    }

    /// A job that nobody else has. Its list names nobody, so that its one page is soon done.
    pub(super) async fn new_job(&self, ttl: u32, topic: Option<&str>) -> String {
        let list = json!({"ttl": ttl, "topic": topic, "recipients": [{"token": "forged"}]});
        accepted(self.ask(Method::POST, "/v1/notifications", Some(list)).await).await
    }

    /// Waits until a job is done.
    pub(super) async fn done(&self, job: &str) {
        let answer = self.ask(Method::GET, &format!("/v1/notifications/{job}?wait=20"), None).await;
        assert_eq!(answer.json::<Value>().await.unwrap()["state"], "done");
    }

    /// A terminal on its connection, and a session that reads what is not encrypted.
    pub(super) async fn plain_terminal(&self) -> (Terminal, String, App) {
        let (mut terminal, hello) = self.service.terminal().await;
        let encodings = vec!["identity".to_owned()];
        let plain = Register { channel: channel(), key: None, app: None, encodings };
        let app = App::register_as(&mut terminal, plain).await;
        (terminal, hello.uaid, app)
    }

    /// A notification waits for this session whose body is kept apart from it.
    pub(super) async fn notify_with_long_body(&self, app: &App) {
        let recipients = [json!({"token": app.token()})];
        let list = json!({
            "ttl": 60, "contentEncoding": "identity", "body": long_body(), "recipients": recipients,
        });
        let job = accepted(self.ask(Method::POST, "/v1/notifications", Some(list)).await).await;
        self.done(&job).await;
    }

    /// An audience with these members.
    pub(super) async fn audience(&self, members: &[&App]) -> Audience {
        let audience = Audience::new();
        assert!(self.joins(&audience, members).await);
        audience
    }

    /// Whether these become members.
    pub(super) async fn joins(&self, audience: &Audience, members: &[&App]) -> bool {
        let add: Vec<_> = members.iter().map(|app| app.token()).collect();
        self.ask(Method::PATCH, &audience.path, Some(json!({"add": add}))).await.status() == 200
    }

    /// Whether a notification for an audience is accepted; its job.
    pub(super) async fn notifies(&self, audience: &Audience) -> Response {
        self.ask(Method::POST, &format!("{}/notifications", audience.path), Some(json!({"ttl": 0}))).await
    }

    /// Wakes `fanout-page` as the queue does; whether it is done with what it was woken for.
    pub(super) async fn carries_out(&self, work: &Value) -> bool {
        self.takes(Function::FanoutPage, include_str!("../../events/aws/fanout-page.json"), work).await
    }

    /// Has it that a page of a job was begun before and its messages are stored, or that it was never begun.
    pub(super) async fn page_was_begun(&self, job: &str, page: u32, begun: bool) {
        let table = self.stack.resource("FanoutTable");
        let mut row = json!({"pk": {"S": format!("J#{job}")}, "sk": {"S": format!("P#{page:08}")}});
        if !begun {
            let delete = json!({"TableName": table, "Key": row});
            self.aws.call("dynamodb", "delete_item", delete).await;
            return;
        }
        row["state"] = json!({"S": "stored"});
        row["expiresAt"] = json!({"N": u32::MAX.to_string()});
        self.aws.call("dynamodb", "put_item", json!({"TableName": table, "Item": row})).await;
    }
}

/// The name of the job that was accepted.
pub(super) async fn accepted(answer: Response) -> String {
    assert_eq!(answer.status(), 202);
    answer.json::<Value>().await.unwrap()["job"].as_str().unwrap().to_owned()
}

/// What is long enough to be kept apart from the messages that share it, as it crosses.
pub(super) fn long_body() -> String {
    base64url::encode("long ".repeat(200))
}

/// A page of this one session, as it stands in the queue.
pub(super) fn page_to(job: &str, page: u32, uaid: &str, app: &App) -> Value {
    let token = base64url::encode(TokenDigest::of(app.token()).as_bytes());
    let to = json!({"index": 0, "terminal": terminal_id(uaid), "channel": app.channel, "token": token});
    json!({"listed": {"job": job, "page": page, "recipients": [to]}})
}

/// The number of a page that its job does not have yet.
pub(super) fn further() -> u32 {
    u32::from_be_bytes(*Uuid::new_v4().as_bytes().first_chunk().unwrap()) % 10_000_000 + 1
}
