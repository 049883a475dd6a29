use std::sync::Arc;

use serde_json::json;
use signalbox_wire::Hello;

use super::function::Function;
use super::many::long_body;
use super::operation::{Act, Operation};
use super::permission::{CLOSE, OWE, On, POST, Permission, READ_ENROLMENT_KEYS};
use super::scene::{Scene, gone, is_closed, is_taken, is_told, on_connection};

const HELLO: &str = include_str!("../../events/emulator/hello.json");

pub(super) fn operations() -> Vec<Operation> {
    let make = On::Terminals.may("dynamodb:PutItem");
    let change = On::Terminals.may("dynamodb:UpdateItem");
    let read_sessions = On::Terminals.may("dynamodb:BatchGetItem");
    let read_enrolment = On::Connections.may("dynamodb:GetItem");
    let record = On::Connections.may("dynamodb:PutItem");
    let forget = On::Connections.may("dynamodb:DeleteItem");
    let query = On::Messages.may("dynamodb:Query");
    let read_shared_bodies = On::Messages.may("dynamodb:BatchGetItem");
    let delete = On::Messages.may("dynamodb:BatchWriteItem");
    let delete_of_topic = On::Messages.may("dynamodb:DeleteItem");
    let keep_alive = On::KeepAlives.may("dynamodb:PutItem");
    let arrive = [record, change, POST];
    let and = |more: &[Permission]| [&arrive, more].concat();
    vec![
        Operation::new("`hello` makes a terminal", &and(&[make]), new),
        Operation::new(
            "`hello` makes a terminal whose connection has presented an enrolment key",
            &and(&[make, read_enrolment]),
            new_on_enrolled,
        ),
        Operation::new("`hello` of a known terminal", &arrive, known),
        // Where it cannot, it owes the rest: that is taken away too.
        Operation::new("`hello` posts what waits", &and(&[query, read_sessions]), posts).lacking(&[OWE]),
        Operation::new(
            "`hello` posts what waits, with a body that a fan-out shares",
            &and(&[query, read_sessions, read_shared_bodies]),
            posts_shared_body,
        )
        .lacking(&[OWE]),
        Operation::new("`hello` deletes what is dead", &and(&[query, read_sessions, delete]), deletes)
            .lacking(&[OWE]),
        Operation::new(
            "`hello` deletes what is dead, of a topic",
            &and(&[query, read_sessions, delete_of_topic]),
            deletes_of_topic,
        )
        .lacking(&[OWE]),
        Operation::new("`hello` owes what it could not post", &and(&[OWE]), known).lacking(&[query]),
        // The loser's end comes also where the winner could not be answered.
        Operation::new("`hello` ends the connection before", &[record, change, CLOSE], takes_over),
        Operation::new("`hello` registers its connection to be kept alive", &and(&[keep_alive]), registers),
        Operation::new("`hello` on a closed connection forgets it", &and(&[forget]), forgets),
        Operation::new("a bad `hello` is told what it is", &[POST], told),
        Operation::new("a bad `hello` ends its connection", &[CLOSE], closed),
        Operation::start(Function::Provision, HELLO).needing(&[READ_ENROLMENT_KEYS]),
    ]
}

async fn new(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.connect().await;
    let hello = scene.service.hello();
    Box::pin(async move { terminal.hello_as(hello).await.is_ok() && is_taken(&mut terminal).await })
}

async fn new_on_enrolled(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.try_connect_enrolling().await.unwrap();
    Box::pin(async move { terminal.hello(None).await.is_ok() && is_taken(&mut terminal).await })
}

async fn known(scene: Arc<Scene>) -> Act {
    let (uaid, _) = scene.absent_with_session().await;
    let mut terminal = scene.service.connect().await;
    Box::pin(async move { terminal.hello(Some(uaid)).await.is_ok() && is_taken(&mut terminal).await })
}

async fn posts(scene: Arc<Scene>) -> Act {
    let (uaid, app) = scene.absent_with_message(false).await;
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        terminal.hello(Some(uaid)).await.is_ok()
            && terminal.next().await.is_ok_and(|notification| app.read(&notification) == "waits")
            && is_taken(&mut terminal).await
    })
}

async fn posts_shared_body(scene: Arc<Scene>) -> Act {
    let (terminal, uaid, app) = scene.plain_terminal().await;
    scene.leave(terminal, &uaid).await;
    scene.notify_with_long_body(&app).await;
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        terminal.hello(Some(uaid)).await.is_ok()
            && terminal.next().await.is_ok_and(|notification| notification.data == Some(long_body()))
            && is_taken(&mut terminal).await
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
    let mut terminal = scene.service.connect().await;
    Box::pin(async move { terminal.hello(Some(uaid)).await.is_ok() && is_taken(&mut terminal).await })
}

async fn takes_over(scene: Arc<Scene>) -> Act {
    let (mut before, hello) = scene.service.terminal().await;
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        // Whether it is answered is another question.
        let _ = terminal.hello(Some(hello.uaid)).await;
        is_closed(&mut before).await
    })
}

async fn registers(scene: Arc<Scene>) -> Act {
    let (uaid, _) = scene.absent_with_session().await;
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        if terminal.hello(Some(uaid.clone())).await.is_err() || !is_taken(&mut terminal).await {
            return false;
        }
        match scene.connection_of(&uaid).await {
            Some(connection) => scene.is_in_slot(&connection).await,
            None => false,
        }
    })
}

async fn forgets(scene: Arc<Scene>) -> Act {
    let (terminal, hello) = scene.service.terminal().await;
    Box::pin(async move {
        let connection = gone();
        let mut event = on_connection(HELLO, &connection);
        event["body"] =
            json!({"messageType": "hello", "uaid": hello.uaid, "use_webpush": true}).to_string().into();
        let answered = scene.invoke(Function::Provision, &event).await.is_some();
        let forgotten = !scene.knows(&connection).await && scene.connection_of(&hello.uaid).await.is_none();
        drop(terminal);
        answered && forgotten
    })
}

fn bad() -> Hello {
    Hello { use_webpush: Some(false), ..Hello::default() }
}

async fn told(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        terminal.send_text(message(bad())).await.unwrap();
        is_told(&mut terminal).await
    })
}

async fn closed(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        terminal.send_text(message(bad())).await.unwrap();
        is_closed(&mut terminal).await
    })
}

fn message(hello: Hello) -> String {
    serde_json::to_string(&signalbox_wire::TerminalMessage::Hello(hello)).unwrap()
}
