use std::sync::Arc;

use signalbox_wire::{Register, TerminalMessage, Unregister};

use super::function::Function;
use super::operation::{Act, Operation};
use super::permission::{CLOSE, On, POST};
use super::scene::{Scene, is_closed, is_told};
use crate::support::channel;

pub(super) fn operations() -> Vec<Operation> {
    let find_terminal = On::Connections.may("dynamodb:GetItem");
    let look_at_terminal = On::Terminals.may("dynamodb:UpdateItem");
    let record = On::Terminals.may("dynamodb:PutItem");
    vec![
        Operation::new(
            "`register` records a session, where its terminal may have one",
            &[find_terminal, look_at_terminal, record],
            registers,
        ),
        Operation::new("`unregister` ends a session", &[find_terminal, look_at_terminal], unregisters),
        Operation::new("`register` before `hello` is told what it is", &[find_terminal, POST], told),
        Operation::new("`register` before `hello` ends its connection", &[find_terminal, CLOSE], closed),
        Operation::start(Function::IssueToken, include_str!("../../events/emulator/register.json")),
    ]
}

fn request() -> Register {
    Register { channel: channel(), key: None, app: None }
}

async fn registers(scene: Arc<Scene>) -> Act {
    let (mut terminal, _) = scene.service.terminal().await;
    Box::pin(async move { terminal.register(request()).await.is_ok_and(|answer| answer.status == 200) })
}

async fn unregisters(scene: Arc<Scene>) -> Act {
    let (mut terminal, _, app) = scene.terminal_with_session().await;
    Box::pin(async move {
        let ended = terminal.unregister(Unregister { channel: app.channel, code: None }).await;
        ended.is_ok_and(|answer| answer.status == 200)
    })
}

async fn told(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        terminal.send_text(too_early()).await.unwrap();
        // Without the right to look it answers 500, which is no refusal.
        is_told(&mut terminal).await
    })
}

async fn closed(scene: Arc<Scene>) -> Act {
    let mut terminal = scene.service.connect().await;
    Box::pin(async move {
        // The answer 500 leaves it open, and is not what a ping awaits.
        let answer = terminal.register(request()).await;
        answer.is_err() && is_closed(&mut terminal).await
    })
}

fn too_early() -> String {
    serde_json::to_string(&TerminalMessage::Register(request())).unwrap()
}
