use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};
use signalbox::client::Terminal;
use signalbox_domain::{Owner, ServerKey};
use signalbox_wire::{Unregister, base64url};
use uuid::Uuid;

use super::function::Function;
use super::many::{accepted, further, page_to};
use super::operation::{Act, Operation};
use super::permission::{CLOSE, OWE, On, POST, Permission, QUEUE_PAGES};
use super::scene::{Scene, gone, is_closed};
use crate::support::{App, next};

/// The jobs are used for as long as the rounds go on.
const HOUR: u32 = 3_600;

pub(super) fn operations() -> Vec<Operation> {
    let read_page = On::Fanouts.may("dynamodb:BatchGetItem");
    let record = On::Fanouts.may("dynamodb:PutItem");
    let read_sessions = On::Terminals.may("dynamodb:BatchGetItem");
    let read_applications = On::Applications.may("dynamodb:BatchGetItem");
    let mark_absent = On::Terminals.may("dynamodb:UpdateItem");
    let store = On::Messages.may("dynamodb:BatchWriteItem");
    let store_of_topic = On::Messages.may("dynamodb:PutItem");
    let replace = On::Messages.may("dynamodb:DeleteItem");
    let look_what_waits = On::Messages.may("dynamodb:BatchGetItem");
    let query = On::Fanouts.may("dynamodb:Query");
    let drop_member = On::Fanouts.may("dynamodb:DeleteItem");
    let read_audience = On::Fanouts.may("dynamodb:GetItem");
    let sweep = On::Fanouts.may("dynamodb:BatchWriteItem");
    let page = [read_page, read_sessions, record];
    let and = |more: &[Permission]| [&page, more].concat();
    vec![
        Operation::new("a page with TTL 0 is posted", &and(&[POST]), posts),
        Operation::new(
            "a page for a session with an application's name is posted",
            &and(&[read_applications, POST]),
            posts_to_named,
        ),
        Operation::new("a page with TTL 0 replaces what waits of its topic", &and(&[replace]), replaces),
        Operation::new("a page is stored for who is absent", &and(&[store]), stores),
        Operation::new("a page of a topic is stored", &and(&[store_of_topic]), stores_of_topic),
        Operation::new(
            "a page that was stored before posts what still waits",
            &and(&[look_what_waits]),
            repeats,
        ),
        Operation::new(
            "a page that finds a connection closed marks the terminal absent",
            &and(&[POST, mark_absent]),
            marks_absent,
        ),
        Operation::new("what a page could not post is owed", &and(&[store, OWE]), owes).lacking(&[POST]),
        Operation::new(
            "what a page can neither post nor owe ends the connection",
            &and(&[store, CLOSE]),
            closes,
        )
        .lacking(&[POST, OWE]),
        Operation::new(
            "a page of an audience drops its dead members",
            &and(&[query, drop_member]),
            drops_dead,
        ),
        Operation::new("the pages of a large audience are queued one by one", &[QUEUE_PAGES], spreads),
        Operation::new(
            "the members of a deleted audience are removed",
            &[read_audience, query, sweep],
            sweeps,
        ),
        Operation::start(Function::FanoutPage, r#"{"Records":[]}"#),
    ]
}

async fn posts(scene: Arc<Scene>) -> Act {
    let to = scene.terminal_with_session().await;
    post(scene, to).await
}

async fn posts_to_named(scene: Arc<Scene>) -> Act {
    let to = scene.terminal_with_named_session().await;
    post(scene, to).await
}

async fn post(scene: Arc<Scene>, (mut terminal, uaid, app): (Terminal, String, App)) -> Act {
    let job = scene.new_job(0, None).await;
    Box::pin(async move {
        // It is done with it also where it could not post it, as nothing is owed of it.
        scene.carries_out(&page_to(&job, further(), &uaid, &app)).await
            && count(&scene, &format!("/v1/notifications/{job}"), "posted").await == 1
            && next(&mut terminal).await.channel == app.channel
    })
}

async fn replaces(scene: Arc<Scene>) -> Act {
    to_absent(scene, 0, Some("one")).await
}

async fn stores(scene: Arc<Scene>) -> Act {
    to_absent(scene, HOUR, None).await
}

async fn stores_of_topic(scene: Arc<Scene>) -> Act {
    to_absent(scene, HOUR, Some("one")).await
}

async fn to_absent(scene: Arc<Scene>, ttl: u32, topic: Option<&'static str>) -> Act {
    let (uaid, app) = scene.absent_with_session().await;
    let job = scene.job(ttl, topic).await;
    carries_out(scene, page_to(&job, further(), &uaid, &app))
}

async fn repeats(scene: Arc<Scene>) -> Act {
    let (uaid, app) = scene.absent_with_session().await;
    let job = scene.job(HOUR, None).await;
    let page = further();
    scene.page_was_begun(&job, page, true).await;
    carries_out(scene, page_to(&job, page, &uaid, &app))
}

async fn marks_absent(scene: Arc<Scene>) -> Act {
    let (uaid, app) = scene.absent_with_session().await;
    // With another TTL `drain` would do it where this cannot. With this one nothing is posted of an old job.
    let job = scene.new_job(0, None).await;
    scene.put_on(&uaid, &gone(), true).await;
    Box::pin(async move {
        scene.carries_out(&page_to(&job, further(), &uaid, &app)).await
            && scene.connection_of(&uaid).await.is_none()
    })
}

async fn owes(scene: Arc<Scene>) -> Act {
    fails_to_post(scene, false).await
}

async fn closes(scene: Arc<Scene>) -> Act {
    fails_to_post(scene, true).await
}

async fn fails_to_post(scene: Arc<Scene>, ends: bool) -> Act {
    let (mut terminal, uaid, app) = scene.terminal_with_session().await;
    let job = scene.job(HOUR, None).await;
    Box::pin(async move {
        scene.carries_out(&page_to(&job, further(), &uaid, &app)).await
            && is_closed(&mut terminal).await == ends
    })
}

async fn drops_dead(scene: Arc<Scene>) -> Act {
    let (mut terminal, _, app) = scene.terminal_with_session().await;
    let audience = scene.audience(&[]).await;
    let job = accepted(scene.notifies(&audience).await).await;
    scene.done(&job).await;
    scene.page_was_begun(&job, 0, false).await;
    assert!(scene.joins(&audience, &[&app]).await);
    let ended = terminal.unregister(Unregister { channel: app.channel, code: None }).await.unwrap();
    assert_eq!(ended.status, 200);
    Box::pin(async move {
        let done = scene.carries_out(&json!({"parts": {"job": job, "from": 0, "to": 1}})).await;
        done && count(&scene, &audience.path, "size").await == 0
    })
}

/// A number that the service tells of a job or an audience.
async fn count(scene: &Scene, path: &str, what: &str) -> u64 {
    let answer = scene.ask(Method::GET, path, None).await;
    answer.json::<Value>().await.unwrap()[what].as_u64().unwrap()
}

async fn spreads(scene: Arc<Scene>) -> Act {
    // That there is no such job is found out when they come out of the queue.
    let job = base64url::encode(Uuid::new_v4().as_bytes());
    carries_out(scene, json!({"parts": {"job": job, "from": 0, "to": 2}}))
}

async fn sweeps(scene: Arc<Scene>) -> Act {
    let (_terminal, _, app) = scene.terminal_with_session().await;
    let audience = scene.audience(&[&app]).await;
    // The sweep that is queued with this comes a minute later.
    assert_eq!(scene.ask(Method::DELETE, &audience.path, None).await.status(), 204);
    let server = ServerKey::from_base64url(scene.server.key.public_key()).unwrap();
    let owner = Owner::of(&server).to_string();
    carries_out(scene, json!({"sweep": {"owner": owner, "name": audience.name, "generation": 0}}))
}

fn carries_out(scene: Arc<Scene>, work: Value) -> Act {
    Box::pin(async move { scene.carries_out(&work).await })
}
