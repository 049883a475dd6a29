use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use super::function::Function;
use super::many::{Audience, long_body};
use super::operation::{Act, Operation};
use super::permission::{On, QUEUE_PAGES};
use super::scene::Scene;

pub(super) fn operations() -> Vec<Operation> {
    let read = On::Fanouts.may("dynamodb:GetItem");
    let query = On::Fanouts.may("dynamodb:Query");
    let record = On::Fanouts.may("dynamodb:PutItem");
    let change = On::Fanouts.may("dynamodb:UpdateItem");
    let change_members = On::Fanouts.may("dynamodb:BatchWriteItem");
    // Whose the audience is: the server's own, or its application's.
    let owner = On::Applications.may("dynamodb:GetItem");
    let keep_shared_body = On::Messages.may("dynamodb:PutItem");
    vec![
        Operation::new("a list is accepted", &[record, QUEUE_PAGES], takes_list),
        Operation::new(
            "a list is accepted, with a body that its messages share",
            &[record, keep_shared_body, QUEUE_PAGES],
            takes_shared_body,
        ),
        Operation::new("`GET /v1/notifications/{job}` says how far it is", &[read, query], tells),
        Operation::new("`PATCH /v1/audiences/{name}` makes an audience", &[owner, change], makes_audience),
        Operation::new(
            "`PATCH /v1/audiences/{name}` adds members",
            &[owner, change, change_members],
            adds_members,
        ),
        Operation::new(
            "`GET /v1/audiences/{name}` says how many members it has",
            &[owner, read, query],
            counts,
        ),
        Operation::new(
            "`DELETE /v1/audiences/{name}` ends an audience",
            &[owner, read, change, QUEUE_PAGES],
            ends_audience,
        ),
        Operation::new(
            "a notification for an audience is accepted",
            &[owner, read, query, record, QUEUE_PAGES],
            takes_audience,
        ),
        Operation::start(Function::Fanout, include_str!("../../events/aws/fanout.json")),
    ]
}

fn takes(scene: Arc<Scene>, list: Value) -> Act {
    Box::pin(async move { scene.ask(Method::POST, "/v1/notifications", Some(list)).await.status() == 202 })
}

async fn takes_list(scene: Arc<Scene>) -> Act {
    takes(scene, json!({"ttl": 60, "recipients": [{"token": "forged"}]}))
}

async fn takes_shared_body(scene: Arc<Scene>) -> Act {
    let body = long_body();
    let recipients = [json!({"token": "forged"})];
    takes(scene, json!({"ttl": 60, "contentEncoding": "identity", "body": body, "recipients": recipients}))
}

async fn tells(scene: Arc<Scene>) -> Act {
    let job = scene.job(60, None).await;
    asks(scene, Method::GET, format!("/v1/notifications/{job}"), 200)
}

async fn makes_audience(scene: Arc<Scene>) -> Act {
    Box::pin(async move {
        let audience = Audience::new();
        scene.joins(&audience, &[]).await
    })
}

async fn adds_members(scene: Arc<Scene>) -> Act {
    let (_terminal, _, app) = scene.terminal_with_session().await;
    let audience = scene.audience(&[]).await;
    Box::pin(async move { scene.joins(&audience, &[&app]).await })
}

async fn counts(scene: Arc<Scene>) -> Act {
    let audience = scene.audience(&[]).await;
    asks(scene, Method::GET, audience.path, 200)
}

async fn ends_audience(scene: Arc<Scene>) -> Act {
    let audience = scene.audience(&[]).await;
    asks(scene, Method::DELETE, audience.path, 204)
}

async fn takes_audience(scene: Arc<Scene>) -> Act {
    let audience = scene.audience(&[]).await;
    Box::pin(async move { scene.notifies(&audience).await.status() == 202 })
}

fn asks(scene: Arc<Scene>, method: Method, path: String, status: u16) -> Act {
    Box::pin(async move { scene.ask(method, &path, None).await.status() == status })
}
