//! HTTP requests of application servers, and the answers to them.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use lambda_http::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderName, HeaderValue, StatusCode};
use lambda_http::request::RequestContext;
use lambda_http::{Body, Request, RequestExt as _, Response};
use serde::Serialize;
use signalbox_domain::{EventId, Refusal, ServerKey, Timestamp, VapidVerifier};
use signalbox_telemetry::Trace;
use signalbox_wire::PROBLEM_JSON;

use crate::of_invocation;

/// Browsers and senders may remember for a day that a session has ended.
const ENDED_IS_FINAL: HeaderValue = HeaderValue::from_static("max-age=86400");

/// The header by which an answer says the request's id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What API Gateway says of a request.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The request's identity: the same when the event runs twice.
    pub id: EventId,
    /// When the request came, by API Gateway's clock.
    pub at: Timestamp,
}

/// The request's identity and time.
///
/// # Errors
/// [`Refusal::Unavailable`] where this is no event of an HTTP API: the set-up is wrong, not the request.
pub fn accepted(request: &Request) -> Result<Accepted, Refusal> {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
        return Err(Refusal::Unavailable);
    };
    let id = context.request_id.as_deref().and_then(|id| id.parse().ok()).ok_or(Refusal::Unavailable)?;
    let at = u64::try_from(context.time_epoch).map_err(|_| Refusal::Unavailable)?;
    Ok(Accepted { id, at: Timestamp::from_millis(at) })
}

/// The request's trace. Its id is API Gateway's, never one that the sender names.
#[must_use]
pub fn trace(request: &Request) -> Trace {
    let context = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => Some(context),
        _ => None,
    };
    let header = request.headers().get("x-amzn-trace-id").and_then(|value| value.to_str().ok());
    let lambda = request.lambda_context_ref().map(of_invocation).unwrap_or_default();
    Trace {
        request: context.and_then(|context| context.request_id.as_deref()?.parse().ok()),
        xray: header.and_then(|header| header.parse().ok()).or(lambda.xray),
        ..lambda
    }
}

/// The answer, with the request's id, by which its lines can be found in the log.
#[must_use]
pub fn traced(mut answer: Response<Body>, trace: &Trace) -> Response<Body> {
    let id = trace.request.as_ref().and_then(|id| HeaderValue::from_str(id.as_str()).ok());
    if let Some(id) = id {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

/// A header's text; none where it is absent.
///
/// # Errors
/// [`Refusal::Malformed`] where it has other characters than visible ASCII.
pub fn header<'r>(request: &'r Request, name: &'static str) -> Result<Option<&'r str>, Refusal> {
    let Some(value) = request.headers().get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| Refusal::Malformed(format!("the header {name} is not plain ASCII")))
}

/// The server that has signed the request (RFC 8292); none where it has no VAPID. VAPID that is bad is refused also where
/// none is needed.
///
/// # Errors
/// [`Refusal::Vapid`] and [`Refusal::Malformed`].
pub fn server(
    request: &Request,
    verifier: &VapidVerifier,
    now: Timestamp,
) -> Result<Option<ServerKey>, Refusal> {
    let Some(authorization) = header(request, "authorization")? else { return Ok(None) };
    Ok(Some(verifier.verify(authorization, header(request, "crypto-key")?, now)?))
}

/// Whom API Gateway has found to have signed the request: the caller's ARN. Its routes for operators demand a signature; a route
/// that should and does not is refused here.
///
/// # Errors
/// [`Refusal::NotTheOperator`].
pub fn operator(request: &Request) -> Result<&str, Refusal> {
    let authorizer = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref(),
        _ => None,
    };
    let caller = authorizer.and_then(|authorizer| authorizer.iam.as_ref()?.user_arn.as_deref());
    caller.filter(|caller| !caller.is_empty()).ok_or(Refusal::NotTheOperator)
}

/// A time as answers have it.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    // Every time in milliseconds that DynamoDB holds is one of the years 1970 to 9999, which can be written.
    DateTime::from_millis(millis).fmt(Format::DateTime).unwrap_or_default()
}

/// The path of the request's route, as the template writes it: `/push/{token}`.
#[must_use]
pub fn route(request: &Request) -> &str {
    let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return "" };
    let route_key = context.route_key.as_deref().unwrap_or_default();
    route_key.split_once(' ').map_or(route_key, |(_method, path)| path)
}

/// A parameter of the path, decoded.
#[must_use]
pub fn path_parameter(request: &Request, name: &str) -> String {
    request.path_parameters_ref().and_then(|parameters| parameters.first(name)).unwrap_or_default().to_owned()
}

/// The body's JSON.
///
/// # Errors
/// [`Refusal::Malformed`] where it is not JSON of that form.
pub fn json<T: serde::de::DeserializeOwned>(request: &Request) -> Result<T, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(request.body().as_ref());
    let read = serde_path_to_error::deserialize(&mut json);
    let read = read.map_err(|error| match error.path().to_string().as_str() {
        "." => format!("the body is not the JSON expected: {}", error.inner()),
        member => format!("the body is not the JSON expected: `{member}`: {}", error.inner()),
    });
    read.and_then(|read| {
        json.end().map(|()| read).map_err(|error| format!("the body is not the JSON expected: {error}"))
    })
    .map_err(Refusal::Malformed)
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = status;
    answer
}

/// 200 with a JSON body.
#[must_use]
pub fn ok(body: &impl Serialize) -> Response<Body> {
    with_json(StatusCode::OK, "application/json", body)
}

/// This status with a JSON body.
#[must_use]
pub fn with_status(status: StatusCode, body: &impl Serialize) -> Response<Body> {
    with_json(status, "application/json", body)
}

/// A header's value.
///
/// # Errors
/// [`Refusal::Unavailable`] where it has what no header may have: the set-up is wrong, not the request.
pub fn header_value(text: String) -> Result<HeaderValue, Refusal> {
    HeaderValue::try_from(text).map_err(|_| Refusal::Unavailable)
}

/// The refusal as a problem (RFC 9457).
#[must_use]
pub fn refused(refusal: &Refusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = with_json(status, PROBLEM_JSON, &refusal.problem());
    let headers = answer.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("vapid"));
    }
    if *refusal == Refusal::SessionEnded {
        headers.insert(CACHE_CONTROL, ENDED_IS_FINAL);
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, seconds.into());
    }
    answer
}

fn with_json(status: StatusCode, kind: &'static str, body: &impl Serialize) -> Response<Body> {
    // The bodies are structs of strings and numbers, which always serialize.
    let mut answer = Response::new(Body::Text(serde_json::to_string(body).unwrap_or_default()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}
