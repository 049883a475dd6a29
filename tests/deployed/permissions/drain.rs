use std::sync::Arc;

use serde_json::{Value, json};

use super::function::Function;
use super::operation::{Act, Operation};
use super::permission::{CLOSE, OWE, On, POST, Permission};
use super::scene::{Scene, gone, is_closed, terminal_id};
use crate::support::next;

pub(super) fn operations() -> Vec<Operation> {
    let look = On::Terminals.may("dynamodb:GetItem");
    let read_sessions = On::Terminals.may("dynamodb:BatchGetItem");
    let mark_absent = On::Terminals.may("dynamodb:UpdateItem");
    let query = On::Messages.may("dynamodb:Query");
    let delete = On::Messages.may("dynamodb:BatchWriteItem");
    let delete_of_topic = On::Messages.may("dynamodb:DeleteItem");
    let read = [look, query, read_sessions];
    let and = |more: &[Permission]| [&read, more].concat();
    vec![
        // What it cannot do it owes again: that is taken away too.
        Operation::new("what is owed is posted", &and(&[POST]), posts).lacking(&[OWE]),
        Operation::new("what is dead is deleted", &and(&[delete]), deletes).lacking(&[OWE]),
        Operation::new("what is dead is deleted, of a topic", &and(&[delete_of_topic]), deletes_of_topic)
            .lacking(&[OWE]),
        Operation::new(
            "a terminal whose connection is closed is marked absent",
            &and(&[POST, mark_absent]),
            marks_absent,
        )
        .lacking(&[OWE]),
        // Whatever it was that failed.
        Operation::new("what could not be posted is owed again", &[look, OWE], owes).lacking(&[POST]),
        Operation::new("what has failed eight times ends the connection", &and(&[CLOSE]), closes)
            .lacking(&[POST]),
        Operation::start(Function::Drain, r#"{"Records":[]}"#),
    ]
}

/// What Lambda does in the function's name, before it wakes it and after.
pub(super) fn unproven() -> Vec<(Permission, &'static str)> {
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        .map(|action| {
            (On::DrainQueue.may(action), "Lambda, to wake the function; the emulator does not ask for it")
        })
        .to_vec()
}

fn message(uaid: &str, key: &str, failures: u32) -> Value {
    json!({"terminal": terminal_id(uaid), "message": key, "failures": failures})
}

async fn posts(scene: Arc<Scene>) -> Act {
    let (mut terminal, uaid, notification) = scene.with_notification(false).await;
    let key = scene.waiting(&uaid).await;
    Box::pin(async move {
        let posted = scene.drains(&message(&uaid, &key, 1)).await;
        posted && next(&mut terminal).await.version == notification.version
    })
}

async fn deletes(scene: Arc<Scene>) -> Act {
    delete_dead(scene, false).await
}

async fn deletes_of_topic(scene: Arc<Scene>) -> Act {
    delete_dead(scene, true).await
}

async fn delete_dead(scene: Arc<Scene>, topic: bool) -> Act {
    let (uaid, _) = scene.absent_with_dead_message(topic).await;
    let key = scene.waiting(&uaid).await;
    scene.put_on(&uaid, &gone(), true).await;
    Box::pin(async move { scene.drains(&message(&uaid, &key, 1)).await })
}

async fn marks_absent(scene: Arc<Scene>) -> Act {
    let (uaid, _) = scene.absent_with_message(false).await;
    let key = scene.waiting(&uaid).await;
    scene.put_on(&uaid, &gone(), true).await;
    Box::pin(async move {
        scene.drains(&message(&uaid, &key, 1)).await && scene.connection_of(&uaid).await.is_none()
    })
}

async fn owes(scene: Arc<Scene>) -> Act {
    let (_terminal, uaid, _) = scene.with_notification(false).await;
    let key = scene.waiting(&uaid).await;
    Box::pin(async move { scene.drains(&message(&uaid, &key, 1)).await })
}

async fn closes(scene: Arc<Scene>) -> Act {
    let (mut terminal, uaid, _) = scene.with_notification(false).await;
    let key = scene.waiting(&uaid).await;
    Box::pin(async move {
        // It is done with it either way, as it owes it again where it cannot.
        scene.drains(&message(&uaid, &key, 7)).await && is_closed(&mut terminal).await
    })
}
