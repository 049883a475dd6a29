//! The calls of application servers and of the operator, as `docs/openapi.json` describes them.

mod applications;
mod calls;
mod fan_out;
mod responses;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use signalbox_wire::form;
use signalbox_wire::{
    ApplicationAnswer, ApplicationRegistration, ApplicationsAnswer, AudienceAnswer, AudienceChange,
    AudienceChanged, AudienceNotification, HealthAnswer, JobAccepted, JobProgress, NotificationsRequest,
    Problem, ValidateAnswer, ValidateRequest,
};

use crate::schemas::Schemas;

const ABOUT: &str = "\
The calls of application servers, and the operator's, as docs/API.md says them. `POST /push/{token}` is RFC 8030's, with VAPID \
of RFC 8292. Where the operator's, `/v1/applications`, are served is said with them: on one machine not where the others are.

Every refusal of a function is `application/problem+json` (RFC 9457); its `type` says which, and each is listed under the \
status that it comes with. What the gateway answers itself carries no problem details but `{\"message\": ...}` in \
`application/json`: 404 where there is no such route, or not with this method; 413 and 414 where a request is larger than \
it takes; and in the cloud 429 where it throttles, 500 where the function failed, 503 where it could not be run. A 404 or 410 \
without a `type` says nothing about a token.

Every call of application servers is open to pages of every origin (CORS).";

const VAPID: &str = "\
`Authorization: vapid t=<JWT>, k=<public key>` (RFC 8292 section 3). The JWT is signed with ES256; `aud` names the origin of \
the endpoint, and `exp` is at most 24 h ahead. The forms of the drafts before the RFC count too: \
`Authorization: WebPush <JWT>`, or `Bearer <JWT>`, with `Crypto-Key: p256ecdsa=<public key>`.";

pub fn document() -> Value {
    let mut schemas = Schemas::new(SchemaSettings::draft2020_12());
    schemas.taken::<(ValidateRequest, form::Token, form::MessageName, form::Urgency, form::Topic, form::Encoding)>();
    schemas.taken::<(NotificationsRequest, AudienceNotification, AudienceChange, form::JobId, form::AudienceName)>();
    schemas.taken::<(ApplicationRegistration, form::ApplicationName)>();
    schemas.sent::<(Problem, ValidateAnswer, HealthAnswer)>();
    schemas.sent::<(JobAccepted, JobProgress, AudienceChanged, AudienceAnswer)>();
    schemas.sent::<(ApplicationAnswer, ApplicationsAnswer)>();
    let mut named = schemas.named();
    fan_out::with_kinds(&mut named);
    named.insert("GatewayAnswer".to_owned(), responses::gateway_answer());
    named.extend(responses::problems());
    let mut paths = calls::paths();
    for more in [fan_out::paths(), applications::paths()] {
        paths.as_object_mut().expect("paths").extend(more.as_object().expect("paths").clone());
    }
    let vapid = ("vapid", json!({"type": "http", "scheme": "vapid", "description": VAPID}));
    let security: Map<_, _> = [vapid]
        .into_iter()
        .chain(applications::security_schemes())
        .map(|(name, scheme)| (name.to_owned(), scheme))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Signalbox, the calls of application servers and of the operator",
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": {"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")},
        },
        "servers": [
            {"url": "http://127.0.0.1:8080", "description": "`signalbox serve` on one machine; with --tls it is https."},
            cloud(),
        ],
        "paths": paths,
        "components": {
            "schemas": named,
            "headers": responses::headers(),
            "securitySchemes": security,
        },
    })
}

/// Where a stack serves all of it.
fn cloud() -> Value {
    json!({
        "url": "https://{api}.execute-api.{region}.amazonaws.com",
        "description": "The output PublicUrl of the stack.",
        "variables": {"api": {"default": "api", "description": "The id of the API."}, "region": {"default": "us-east-1"}},
    })
}

fn schema(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
