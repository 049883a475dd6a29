use std::sync::Arc;

use super::function::Function;
use super::operation::{Act, Operation};
use super::permission::{CLOSE, On, POST, READ_ENROLMENT_KEYS};
use super::scene::{Scene, is_closed, is_taken, is_told, on_connection};

/// What the protocol does not know.
const MISTAKE: &str = r#"{"messageType":"mistake"}"#;

pub(super) fn operations() -> Vec<Operation> {
    let note = On::Connections.may("dynamodb:PutItem");
    let forget = On::Connections.may("dynamodb:DeleteItem");
    let mark_absent = On::Terminals.may("dynamodb:UpdateItem");
    let delete = On::Messages.may("dynamodb:BatchWriteItem");
    let delete_of_topic = On::Messages.may("dynamodb:DeleteItem");
    vec![
        Operation::new("`$connect` notes that an enrolment key was presented", &[note], enrols),
        Operation::new(
            "`$disconnect` forgets the connection, and marks its terminal absent",
            &[forget, mark_absent],
            disconnect,
        ),
        Operation::new("`ack` deletes what it names", &[delete], ack),
        Operation::new("`ack` deletes what it names, of a topic", &[delete_of_topic], ack_of_topic),
        Operation::new("an unknown message is told what it is", &[POST], told),
        Operation::new("an unknown message ends its connection", &[CLOSE], closed),
        Operation::start(Function::Connection, include_str!("../../events/emulator/default.json"))
            .needing(&[READ_ENROLMENT_KEYS]),
    ]
}

async fn enrols(scene: Arc<Scene>) -> Act {
    Box::pin(async move { scene.service.try_connect_enrolling().await.is_ok() })
}

async fn disconnect(scene: Arc<Scene>) -> Act {
    let (terminal, hello) = scene.service.terminal().await;
    let connection = scene.connection_of(&hello.uaid).await.unwrap();
    Box::pin(async move {
        let event = on_connection(include_str!("../../events/emulator/disconnect.json"), &connection);
        let ended = scene.invoke(Function::Connection, &event).await.is_some();
        let forgotten = !scene.knows(&connection).await && scene.connection_of(&hello.uaid).await.is_none();
        drop(terminal);
        ended && forgotten
    })
}

async fn ack(scene: Arc<Scene>) -> Act {
    acknowledge(scene, false).await
}

async fn ack_of_topic(scene: Arc<Scene>) -> Act {
    acknowledge(scene, true).await
}

async fn acknowledge(scene: Arc<Scene>, topic: bool) -> Act {
    let (mut terminal, _, notification) = scene.with_notification(topic).await;
    Box::pin(async move {
        terminal.acknowledge(&notification).await.unwrap();
        is_taken(&mut terminal).await
    })
}

async fn told(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        terminal.send_text(MISTAKE.to_owned()).await.unwrap();
        is_told(&mut terminal).await
    })
}

async fn closed(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        terminal.send_text(MISTAKE.to_owned()).await.unwrap();
        is_closed(&mut terminal).await
    })
}
