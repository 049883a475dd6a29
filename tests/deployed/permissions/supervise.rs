use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::operation::{Act, Operation};
use super::permission::On;
use super::scene::Scene;
use crate::support::Server;

/// It reads no key ring, so that an instance starts without any of them.
pub(super) fn operations() -> Vec<Operation> {
    let read = On::Applications.may("dynamodb:GetItem");
    let list = On::Applications.may("dynamodb:Query");
    let write = On::Applications.may("dynamodb:PutItem");
    let delete = On::Applications.may("dynamodb:DeleteItem");
    vec![
        Operation::new("`GET /v1/applications/{app}` says how one is registered", &[read], tells),
        Operation::new("`GET /v1/applications` lists them", &[list], lists),
        Operation::new("`PUT /v1/applications/{app}` registers one", &[read, write], registers),
        Operation::new("`PUT /v1/applications/{app}` replaces a key", &[read, write, delete], replaces_key),
        Operation::new("`DELETE /v1/applications/{app}` ends a registration", &[read, delete], removes),
    ]
}

async fn tells(scene: Arc<Scene>) -> Act {
    let path = scene.application().await;
    asks(scene, Method::GET, path, None, 200)
}

async fn lists(scene: Arc<Scene>) -> Act {
    asks(scene, Method::GET, "/v1/applications".to_owned(), None, 200)
}

async fn registers(scene: Arc<Scene>) -> Act {
    asks(scene, Method::PUT, new(), Some(registration()), 201)
}

async fn replaces_key(scene: Arc<Scene>) -> Act {
    let path = scene.application().await;
    asks(scene, Method::PUT, path, Some(registration()), 200)
}

async fn removes(scene: Arc<Scene>) -> Act {
    let path = scene.application().await;
    asks(scene, Method::DELETE, path, None, 204)
}

fn asks(scene: Arc<Scene>, method: Method, path: String, body: Option<Value>, status: u16) -> Act {
    Box::pin(async move { scene.operator.ask(method, &path, body).await.status() == status })
}

impl Scene {
    /// Where one is that is registered.
    async fn application(&self) -> String {
        let path = new();
        assert_eq!(self.operator.ask(Method::PUT, &path, Some(registration())).await.status(), 201);
        path
    }
}

/// Where one is that is still to be registered.
fn new() -> String {
    format!("/v1/applications/{}", Uuid::new_v4().simple())
}

/// With a key that is nobody's.
fn registration() -> Value {
    json!({"serverKeys": [Server::new().key.public_key()]})
}
