//! The operator's calls.

use serde_json::{Value, json};
use signalbox_domain::RefusalKind::{self, *};

use super::calls::{GATEWAY, TOO_LARGE, TOO_LONG};
use super::fan_out::body;
use super::responses::Responses;
use super::{cloud, schema};

/// Every call here is for the operator.
const OF_OPERATOR: [RefusalKind; 2] = [NotTheOperator, Unavailable];
/// What API Gateway answers to who may not.
const FORBIDDEN: u16 = 403;

const SIGNED: &str = "\
In the cloud: AWS Signature Version 4, for the service `execute-api` and the stack's region, by a caller who may \
`execute-api:Invoke` the route. API Gateway checks it, and answers 403 itself; the function serves nobody else either.";

const KEY: &str = "\
On one machine, on the listener of `--admin-listen`: the key that stands in `operator.key` in the data directory. The socket \
`operator.sock` beside it asks for nothing: it is its owner's alone.";

/// The ways to show that one is the operator.
pub(super) fn security_schemes() -> [(&'static str, Value); 2] {
    let signed = json!({
        "type": "apiKey", "name": "Authorization", "in": "header",
        "x-amazon-apigateway-authtype": "awsSigv4",
        "description": SIGNED,
    });
    [("sigv4", signed), ("operatorKey", json!({"type": "http", "scheme": "bearer", "description": KEY}))]
}

/// Not the service's own listener.
fn servers() -> Value {
    json!([
        cloud(),
        {
            "url": "http://operator",
            "description": "On one machine by the Unix socket `operator.sock` in the data directory; the host's name does not matter.",
        },
        {
            "url": "http://127.0.0.1:9090",
            "description": "On one machine with `--admin-listen 127.0.0.1:9090`; with --tls it is https.",
        },
    ])
}

pub(super) fn paths() -> Value {
    let app = json!({
        "name": "app", "in": "path", "required": true, "schema": schema("ApplicationName"),
        "description": "The application's name, as it asks for sessions with it.",
    });
    json!({
        "/v1/applications": {"servers": servers(), "get": list()},
        "/v1/applications/{app}": {
            "servers": servers(),
            "parameters": [app],
            "put": register(),
            "get": registered(),
            "delete": remove(),
        },
    })
}

fn list() -> Value {
    let after = json!({
        "name": "after", "in": "query", "required": false, "schema": schema("ApplicationName"),
        "description": "The `next` of the answer before.",
    });
    let responses = Responses::default().success(200, "Their names.", &[], Some("ApplicationsAnswer"));
    json!({
        "operationId": "applications",
        "summary": "Lists the registered applications by name, 100 at a time.",
        "security": security(),
        "parameters": [after],
        "responses": answered(responses, &[RequestMalformed]),
    })
}

fn register() -> Value {
    let responses = Responses::default()
        .success(
            200,
            "It was registered before. It is as asked for now.",
            &["ETag"],
            Some("ApplicationAnswer"),
        )
        .success(201, "It is registered.", &["ETag"], Some("ApplicationAnswer"))
        .gateway(&[TOO_LARGE]);
    json!({
        "operationId": "registerApplication",
        "summary": "Registers an application, or changes its registration as a whole.",
        "security": security(),
        "parameters": [if_match()],
        "requestBody": body("ApplicationRegistration", "What there is to say of it."),
        "responses": answered(
            responses,
            &[RequestMalformed, ApplicationNameInvalid, ServerKeyTaken, PreconditionFailed],
        ),
    })
}

fn registered() -> Value {
    let responses =
        Responses::default().success(200, "The application.", &["ETag"], Some("ApplicationAnswer"));
    json!({
        "operationId": "application",
        "summary": "Says how an application is registered.",
        "security": security(),
        "responses": answered(responses, &[ApplicationNameInvalid, ApplicationUnknown]),
    })
}

fn remove() -> Value {
    let says = "No application is registered under this name any more.";
    json!({
        "operationId": "removeApplication",
        "summary": "Ends an application's registration. Its sessions and audiences are nobody's, until it is registered again.",
        "security": security(),
        "parameters": [if_match()],
        "responses": answered(
            Responses::default().success(204, says, &[], None),
            &[RequestMalformed, ApplicationNameInvalid, PreconditionFailed],
        ),
    })
}

fn if_match() -> Value {
    json!({
        "name": "If-Match", "in": "header", "required": false,
        "description": "The `ETag` of what is to be changed, so that nothing is undone that another operator did meanwhile. `*`: only where there is one.",
        "schema": {"type": "string"},
    })
}

fn security() -> Value {
    let each = security_schemes().map(|(name, _)| json!({name: []}));
    json!(each)
}

fn answered(responses: Responses, more: &[RefusalKind]) -> Value {
    let responses = responses.refusals(&[&OF_OPERATOR[..], more].concat());
    let mut responses = responses.gateway(&GATEWAY).gateway(&[FORBIDDEN, TOO_LONG]).into_value();
    responses["401"] = json!({
        "description": "On one machine: the listener of `--admin-listen` was not shown its key.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    });
    responses
}
