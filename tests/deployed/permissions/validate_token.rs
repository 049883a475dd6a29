use std::sync::Arc;

use serde_json::json;

use super::function::Function;
use super::operation::{Act, Operation};
use super::permission::On;
use super::scene::Scene;
use crate::support::{App, http};

pub(super) fn operations() -> Vec<Operation> {
    let read = On::Terminals.may("dynamodb:BatchGetItem");
    let write = On::Terminals.may("dynamodb:UpdateItem");
    let read_application = On::Applications.may("dynamodb:BatchGetItem");
    vec![
        Operation::new("validate says what a token is", &[read], validates),
        Operation::new(
            "validate authorizes the first that asks",
            &[read, read_application, write],
            authorizes,
        ),
        Operation::new("revoke ends a session", &[read, write], revokes),
        Operation::start(Function::ValidateToken, include_str!("../../events/emulator/validate.json")),
    ]
}

async fn validates(scene: Arc<Scene>) -> Act {
    validate(scene, None).await
}

async fn authorizes(scene: Arc<Scene>) -> Act {
    // Its session is explicit, as it names an application.
    validate(scene, Some("org.example.mail")).await
}

async fn validate(scene: Arc<Scene>, name: Option<&str>) -> Act {
    let (mut terminal, _) = scene.service.terminal().await;
    let app = App::register(&mut terminal, name, None).await;
    Box::pin(async move {
        scene.service.validate(&scene.server, json!({"token": app.token()})).await.status() == 200
    })
}

async fn revokes(scene: Arc<Scene>) -> Act {
    let (mut terminal, _) = scene.service.terminal().await;
    let app = App::register(&mut terminal, None, Some(scene.server.key.public_key())).await;
    Box::pin(async move {
        let url = format!("{}/v1/tokens/revoke", scene.service.public_url);
        let request = http().post(url).json(&json!({"token": app.token()}));
        let request = scene.server.sign(request, &scene.service.public_url);
        request.send().await.unwrap().status() == 204
    })
}
