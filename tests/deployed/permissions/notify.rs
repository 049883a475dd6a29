use std::sync::Arc;

use signalbox::client::Terminal;

use super::function::Function;
use super::operation::{Act, Operation};
use super::permission::{CLOSE, OWE, On, POST};
use super::scene::{Scene, gone, is_closed};
use crate::support::{App, http};

pub(super) fn operations() -> Vec<Operation> {
    let read = On::Terminals.may("dynamodb:BatchGetItem");
    let look_again = On::Terminals.may("dynamodb:GetItem");
    let change = On::Terminals.may("dynamodb:UpdateItem");
    let store = On::Messages.may("dynamodb:PutItem");
    let withdraw = On::Messages.may("dynamodb:DeleteItem");
    let read_application = On::Applications.may("dynamodb:BatchGetItem");
    let read_receipt = On::Messages.may("dynamodb:BatchGetItem");
    vec![
        Operation::new("a notification with TTL 0 is posted", &[read, POST], posts),
        Operation::new(
            "a notification for a session with an application's name is posted",
            &[read, read_application, POST],
            posts_to_named,
        ),
        Operation::new(
            "a notification with TTL 0 awaits a `hello` that is under way",
            &[read, look_again],
            awaits,
        ),
        Operation::new("a notification is stored for who is absent", &[read, store, change], stores),
        Operation::new(
            "a notification that finds the connection closed marks the terminal absent",
            &[read, store, POST, change],
            marks_absent,
        ),
        Operation::new("a notification is owed that could not be posted", &[read, store, OWE], owes)
            .lacking(&[POST]),
        Operation::new(
            "a notification that can be neither posted nor owed ends the connection",
            &[read, store, CLOSE],
            closes,
        )
        .lacking(&[POST, OWE]),
        Operation::new("`DELETE /messages/{id}` withdraws", &[withdraw], withdraws),
        Operation::new("`GET /receipts/{id}` says what became of it", &[read_receipt], tells),
        Operation::start(Function::Notify, include_str!("../../events/emulator/health.json")),
    ]
}

async fn posts(scene: Arc<Scene>) -> Act {
    let (terminal, _, app) = scene.terminal_with_session().await;
    post(scene, terminal, app)
}

async fn posts_to_named(scene: Arc<Scene>) -> Act {
    let (terminal, _, app) = scene.terminal_with_named_session().await;
    post(scene, terminal, app)
}

fn post(scene: Arc<Scene>, mut terminal: Terminal, app: App) -> Act {
    Box::pin(async move {
        let accepted = scene.accepts(&app, "0").await;
        accepted && terminal.next().await.is_ok_and(|notification| app.read(&notification) == "text")
    })
}

async fn awaits(scene: Arc<Scene>) -> Act {
    let (uaid, app) = scene.absent_with_session().await;
    // As a hello leaves it between its answer and the opening of the gate.
    scene.put_on(&uaid, &gone(), false).await;
    Box::pin(async move { scene.accepts(&app, "0").await })
}

async fn stores(scene: Arc<Scene>) -> Act {
    let (_, app) = scene.absent_with_session().await;
    Box::pin(async move { scene.accepts(&app, "60").await })
}

async fn marks_absent(scene: Arc<Scene>) -> Act {
    let (uaid, app) = scene.absent_with_session().await;
    scene.put_on(&uaid, &gone(), true).await;
    Box::pin(async move { scene.accepts(&app, "60").await && scene.connection_of(&uaid).await.is_none() })
}

async fn owes(scene: Arc<Scene>) -> Act {
    let (mut terminal, _, app) = scene.terminal_with_session().await;
    Box::pin(async move { scene.accepts(&app, "60").await && !is_closed(&mut terminal).await })
}

async fn closes(scene: Arc<Scene>) -> Act {
    let (mut terminal, _, app) = scene.terminal_with_session().await;
    Box::pin(async move { scene.accepts(&app, "60").await && is_closed(&mut terminal).await })
}

async fn withdraws(scene: Arc<Scene>) -> Act {
    let (_, app) = scene.absent_with_session().await;
    let accepted = scene.service.deliver(&scene.server, &app, "withdrawn").await;
    let location = accepted.headers()["location"].to_str().unwrap().to_owned();
    Box::pin(async move { http().delete(location).send().await.unwrap().status() == 204 })
}

async fn tells(scene: Arc<Scene>) -> Act {
    let (_, app) = scene.absent_with_session().await;
    let push = scene.server.sign(app.push("text"), &scene.service.public_url);
    let accepted = push.header("Prefer", "respond-async").send().await.unwrap();
    let link = accepted.headers()["link"].to_str().unwrap();
    let receipt = link.trim_start_matches('<').split('>').next().unwrap().to_owned();
    Box::pin(async move { http().get(receipt).send().await.unwrap().status() == 202 })
}
