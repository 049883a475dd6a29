use serde_json::{Map, Value, json};
use signalbox_domain::{MAX_TTL, RefusalKind};
use signalbox_wire::PROBLEM_JSON;

use super::schema;

/// What each answer of a function has.
const REQUEST_ID: &str = "X-Request-Id";
const GATEWAY: &str = "The gateway's own answer";

/// What a call may be answered, by status.
#[derive(Default)]
pub(super) struct Responses(Map<String, Value>);

impl Responses {
    /// What the call is for.
    pub(super) fn success(mut self, status: u16, says: &str, headers: &[&str], body: Option<&str>) -> Self {
        let mut response = json!({"description": says});
        for name in headers.iter().chain(&[REQUEST_ID]) {
            response["headers"][name] = header(name);
        }
        if let Some(body) = body {
            response["content"] = json!({"application/json": {"schema": schema(body)}});
        }
        self.0.insert(status.to_string(), response);
        self
    }

    /// The function's refusals, each under its status.
    pub(super) fn refusals(mut self, kinds: &[RefusalKind]) -> Self {
        let mut statuses: Vec<_> = kinds.iter().map(|kind| kind.status()).collect();
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            let of_status: Vec<_> = kinds.iter().copied().filter(|kind| kind.status() == status).collect();
            self.0.insert(status.to_string(), refused(&of_status));
        }
        self
    }

    /// What the gateway may answer, as it carries no problem details.
    pub(super) fn gateway(mut self, statuses: &[u16]) -> Self {
        for status in statuses {
            let response = self
                .0
                .entry(status.to_string())
                .or_insert_with(|| json!({"description": GATEWAY, "content": {}}));
            response["content"]["application/json"] = json!({"schema": schema("GatewayAnswer")});
        }
        self
    }

    pub(super) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

fn refused(kinds: &[RefusalKind]) -> Value {
    let words: Vec<_> = kinds.iter().map(|kind| format!("`{kind}`")).collect();
    let each: Vec<_> = kinds.iter().map(|kind| schema(&name(*kind))).collect();
    let mut response = json!({
        "description": format!("Refused: {}.", words.join(", ")),
        "content": {PROBLEM_JSON: {"schema": {"oneOf": each}}},
    });
    for name in headers_of(kinds) {
        response["headers"][name] = header(name);
    }
    response
}

fn name(kind: RefusalKind) -> String {
    format!("Problem.{kind}")
}

/// A schema for each kind of problem: its type tells status, title and number.
pub(super) fn problems() -> impl Iterator<Item = (String, Value)> {
    RefusalKind::ALL.iter().map(|kind| (name(*kind), problem(*kind)))
}

fn problem(kind: RefusalKind) -> Value {
    let mut problem = json!({
        "allOf": [schema("Problem")],
        "properties": {
            "type": {"const": kind.urn()},
            "title": {"const": kind.title()},
            "status": {"const": kind.status()},
        },
    });
    match kind.errno() {
        Some(errno) => {
            problem["properties"]["errno"] = json!({"const": errno});
            problem["required"] = json!(["errno"]);
        }
        None => problem["not"] = json!({"required": ["errno"]}),
    }
    problem
}

/// As `signalbox-gateway` sets them.
fn headers_of(kinds: &[RefusalKind]) -> Vec<&'static str> {
    let any = |what: fn(&RefusalKind) -> bool| kinds.iter().any(what);
    let mut headers = vec![REQUEST_ID];
    if any(|kind| kind.status() == 401) {
        headers.push("WWW-Authenticate");
    }
    if any(|kind| kind.status() == 405) {
        headers.push("Allow");
    }
    if any(|kind| *kind == RefusalKind::SessionEnded) {
        headers.push("Cache-Control");
    }
    if any(|kind| kind.retry_after().is_some()) {
        headers.push("Retry-After");
    }
    headers
}

fn header(name: &str) -> Value {
    json!({"$ref": format!("#/components/headers/{name}")})
}

/// The answers' headers.
pub(super) fn headers() -> Value {
    let required =
        |says: &str, schema: Value| json!({"description": says, "required": true, "schema": schema});
    let url = |part: &str| json!({"type": "string", "format": "uri", "pattern": format!("^https?://[^?#]+/{part}/[A-Za-z0-9_-]+$")});
    json!({
        "Location": required(
            "The message's URL, which only its sender has; or the job's.",
            url("(messages|v1/notifications)"),
        ),
        "Link": required(
            "The receipt's URL (RFC 8030 section 5.1).",
            json!({
                "type": "string",
                "pattern": "^<https?://[^?#>]+/receipts/[A-Za-z0-9_-]+>; rel=\"urn:ietf:params:push:receipt\"$",
            }),
        ),
        "TTL": required(
            "The seconds that the message may wait: what was asked for, shortened to 30 days.",
            json!({"type": "integer", "minimum": 0, "maximum": MAX_TTL.as_secs()}),
        ),
        "WWW-Authenticate": required("The scheme that is taken.", json!({"type": "string", "const": "vapid"})),
        "ETag": required(
            "A name for what it is now; for `If-Match`.",
            json!({"type": "string", "pattern": "^\"[0-9]+-[0-9]+\"$"}),
        ),
        "Allow": required("The method that is taken.", json!({"type": "string", "const": "POST"})),
        "Cache-Control": {
            "description": "An ended session stays ended: with `session-ended`.",
            "schema": {"type": "string", "const": "max-age=86400"},
        },
        "X-Request-Id": {
            "description": "By what the service's operator finds the request in the logs. Not with the gateway's own answer.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
        },
        "Retry-After": {
            "description": "The seconds after which a repetition makes sense: with a problem, not with the gateway's own answer.",
            "schema": {"type": "integer", "minimum": 1},
        },
    })
}

/// What API Gateway answers by itself, and so the local host.
pub(super) fn gateway_answer() -> Value {
    json!({
        "type": "object",
        "description": "The gateway's own answer. No function has seen the request, or its answer was lost. It is no problem: it has no `type`.",
        "properties": {"message": {"type": "string"}},
        "required": ["message"],
        "not": {"required": ["type"]},
    })
}
