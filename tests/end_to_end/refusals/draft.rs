use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use signalbox_wire::base64url;

use super::scene::Scene;
use crate::support::{App, Server, http};

/// A call of the application server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Push,
    Validate,
    Revoke,
    Withdraw,
    Receipt,
    /// To a list of one.
    FanOut,
    /// How far a job is.
    Job,
    /// How large an audience is.
    Audience,
}

impl Call {
    /// Those that show a token and who the server is.
    pub const OF_TOKEN: &'static [Self] = &[Self::Push, Self::Validate, Self::Revoke];

    fn method(self) -> Method {
        match self {
            Self::Push | Self::Validate | Self::Revoke | Self::FanOut => Method::POST,
            Self::Withdraw => Method::DELETE,
            Self::Receipt | Self::Job | Self::Audience => Method::GET,
        }
    }
}

/// A request that would be granted, until a row makes a mistake in it.
pub struct Draft {
    call: Call,
    pub method: Method,
    /// The token; of a message or receipt, its id.
    pub id: String,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// In place of a body with the token in it.
    pub json: Option<Value>,
}

impl Draft {
    /// To the session that names the server's key, signed with it.
    pub fn new(call: Call, scene: &Scene) -> Self {
        let mut draft = Self {
            call,
            method: call.method(),
            id: String::new(),
            headers: HeaderMap::new(),
            body: Vec::new(),
            json: None,
        };
        match call {
            Call::Push => {
                draft.set("ttl", "60");
                draft.set("content-encoding", "aes128gcm");
                draft.set("content-type", "application/octet-stream");
            }
            Call::Validate | Call::Revoke | Call::FanOut => draft.set("content-type", "application/json"),
            Call::Job => draft.id.clone_from(&scene.job),
            Call::Audience => draft.id.clone_from(&scene.audience),
            Call::Withdraw => draft.id.clone_from(&scene.message),
            Call::Receipt => draft.id.clone_from(&scene.receipt),
        }
        if Call::OF_TOKEN.contains(&call) || call == Call::FanOut {
            draft.to(&scene.named);
        }
        if !matches!(call, Call::Withdraw | Call::Receipt) {
            draft.sign(&scene.server, scene);
        }
        draft
    }

    /// Addresses another session.
    pub fn to(&mut self, app: &App) {
        app.token().clone_into(&mut self.id);
        if self.call == Call::Push {
            self.body = app.encrypt("never");
        }
    }

    /// Signs it anew.
    pub fn sign(&mut self, server: &Server, scene: &Scene) {
        let header = server.key.authorization(&scene.service.public_url).expect("a header");
        self.authorize(&header);
    }

    /// Signs these claims.
    pub fn claim(&mut self, scene: &Scene, claims: &Value) {
        self.authorize(&scene.server.key.sign(claims).expect("a header"));
    }

    pub fn authorize(&mut self, header: &str) {
        self.headers.insert(AUTHORIZATION, HeaderValue::from_str(header).expect("a value"));
    }

    /// What it is signed with.
    pub fn authorization(&self) -> &str {
        self.headers[AUTHORIZATION].to_str().expect("plain text")
    }

    pub fn set(&mut self, name: &'static str, value: &str) {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
    }

    pub fn remove(&mut self, name: &'static str) {
        self.headers.remove(name);
    }

    /// One bit of what the id or token says is another.
    pub fn alter(&mut self, at: usize) {
        let mut bytes = base64url::decode(&self.id).expect("base64url");
        bytes[at] ^= 1;
        self.id = base64url::encode(bytes);
    }

    pub async fn send(self, scene: &Scene) -> Response {
        let path = match self.call {
            Call::Push => format!("push/{}", self.id),
            Call::Validate => "v1/tokens/validate".to_owned(),
            Call::Revoke => "v1/tokens/revoke".to_owned(),
            Call::Withdraw => format!("messages/{}", self.id),
            Call::Receipt => format!("receipts/{}", self.id),
            Call::FanOut => "v1/notifications".to_owned(),
            Call::Job => format!("v1/notifications/{}", self.id),
            Call::Audience => format!("v1/audiences/{}", self.id),
        };
        let body = match self.call {
            Call::Validate | Call::Revoke if self.body.is_empty() => {
                self.json.unwrap_or_else(|| json!({"token": self.id})).to_string().into_bytes()
            }
            Call::FanOut => {
                let list = || json!({"ttl": 60, "recipients": [{"token": self.id}]});
                self.json.unwrap_or_else(list).to_string().into_bytes()
            }
            _ => self.body,
        };
        let request = http()
            .request(self.method, format!("{}/{path}", scene.service.public_url))
            .headers(self.headers)
            .body(body);
        request.send().await.expect("the service answers")
    }
}
