use aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizer, ApiGatewayRequestAuthorizerIamDescription, ApiGatewayV2httpRequest,
    ApiGatewayV2httpRequestContext,
};
use aws_lambda_events::encodings::Body as LambdaBody;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use lambda_http::request::LambdaRequest;
use signalbox_wire::base64url;

use super::gateway::{Gateway, gateway_made};

/// How the operator of this machine is called, where it has no accounts.
const OPERATOR: &str = "the operator of this machine";
/// More than any call of one session takes; what a call takes, its function says.
const LARGEST_BODY: usize = 64 * 1024;
/// What an event of Lambda may be, less what a request becomes longer by: more than a fan-out takes.
const LARGEST_FAN_OUT: usize = 5 * 1024 * 1024;
/// API Gateway's limit for the request line and all headers is 10 KB.
const LONGEST_URI: usize = 8 * 1024;

/// Endpoints, messages, receipts, and health.
pub(super) async fn notify(
    State(gateway): State<Gateway>,
    path: MatchedPath,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    match gateway.event(path.as_str(), &parameters, request).await {
        Ok(event) => {
            let _leave = gateway.capacity.for_asked().await;
            respond(gateway.functions.notify.handle(event.into()).await)
        }
        Err(refused) => refused,
    }
}

/// `POST /v1/tokens/validate` and `POST /v1/tokens/revoke`.
pub(super) async fn validate_token(
    State(gateway): State<Gateway>,
    path: MatchedPath,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    match gateway.event(path.as_str(), &parameters, request).await {
        Ok(event) => {
            let _leave = gateway.capacity.for_asked().await;
            respond(gateway.functions.validate_token.handle(event.into()).await)
        }
        Err(refused) => refused,
    }
}

/// Fan-outs, their jobs, and audiences.
pub(super) async fn fanout(
    State(gateway): State<Gateway>,
    path: MatchedPath,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    match gateway.event(path.as_str(), &parameters, request).await {
        Ok(event) => {
            // Without leave: it may wait for a job for 25 s.
            respond(gateway.functions.fanout.handle(event.into()).await)
        }
        Err(refused) => refused,
    }
}

/// The registry of applications, for the operator: whoever gets here has shown to be that.
pub(super) async fn supervise(
    State(gateway): State<Gateway>,
    path: MatchedPath,
    parameters: RawPathParams,
    request: Request,
) -> Response {
    match gateway.event(path.as_str(), &parameters, request).await {
        Ok(mut event) => {
            if let LambdaRequest::ApiGatewayV2(event) = &mut event {
                event.request_context.authorizer = Some(signed_by_the_operator());
            }
            let _leave = gateway.capacity.for_asked().await;
            respond(gateway.functions.supervise.handle(event.into()).await)
        }
        Err(refused) => refused,
    }
}

/// What API Gateway says of a request that it has found to be signed.
fn signed_by_the_operator() -> ApiGatewayRequestAuthorizer {
    let mut iam = ApiGatewayRequestAuthorizerIamDescription::default();
    iam.user_arn = Some(OPERATOR.to_owned());
    let mut authorizer = ApiGatewayRequestAuthorizer::default();
    authorizer.iam = Some(iam);
    authorizer
}

/// The largest body that a route takes.
fn largest_body(route: &str) -> usize {
    let many = route.starts_with("/v1/notifications") || route.starts_with("/v1/audiences");
    if many { LARGEST_FAN_OUT } else { LARGEST_BODY }
}

impl Gateway {
    /// The request as the event that an HTTP API makes of it (payload format 2.0).
    async fn event(
        &self,
        route: &str,
        parameters: &RawPathParams,
        request: Request,
    ) -> Result<LambdaRequest, Response> {
        let (head, body) = request.into_parts();
        if head.uri.path_and_query().is_some_and(|uri| uri.as_str().len() > LONGEST_URI) {
            return Err(gateway_made(StatusCode::URI_TOO_LONG, "URI Too Long"));
        }
        let body = to_bytes(body, largest_body(route))
            .await
            .map_err(|_| gateway_made(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"))?;
        // As the template writes it: an endpoint's route takes any method, to answer all but POST helpfully.
        let method = if route == "/push/{token}" { "ANY" } else { head.method.as_str() };
        let route_key = format!("{method} {route}");
        let path = head.uri.path().to_owned();

        let mut context = ApiGatewayV2httpRequestContext::default();
        context.route_key = Some(route_key.clone());
        context.stage = Some("$default".to_owned());
        context.request_id = Some(self.requests.next());
        context.domain_name = Some(self.domain.clone());
        context.time_epoch = i64::try_from(self.clock.now().as_millis()).unwrap_or(i64::MAX);
        context.http.method = head.method;
        context.http.path = Some(path.clone());

        let mut event = ApiGatewayV2httpRequest::default();
        event.version = Some("2.0".to_owned());
        event.route_key = Some(route_key);
        event.raw_path = Some(path);
        event.raw_query_string = head.uri.query().map(ToOwned::to_owned);
        event.path_parameters =
            parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        event.request_context = context;
        (event.is_base64_encoded, event.body) = encoded(&head.headers, &body);
        event.headers = self.headers(&head.headers);
        Ok(LambdaRequest::ApiGatewayV2(event))
    }

    /// API Gateway joins what is repeated with commas. Of the request's own URL it tells itself, whatever the client or a
    /// proxy says: the Lambda library makes a URL of these, and would panic on what is none.
    fn headers(&self, headers: &HeaderMap) -> HeaderMap {
        let mut joined = HeaderMap::with_capacity(headers.len());
        for name in headers.keys().filter(|name| **name != HOST && !name.as_str().starts_with("x-forwarded-"))
        {
            joined.insert(name.clone(), join(headers, name));
        }
        if let Ok(domain) = HeaderValue::from_str(&self.domain) {
            joined.insert(HOST, domain);
        }
        joined
    }
}

fn join(headers: &HeaderMap, name: &HeaderName) -> HeaderValue {
    let values: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    // Values joined by a comma are a value.
    HeaderValue::from_bytes(&values.join(&b","[..])).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// API Gateway goes by the request's own Content-Type: text is handed over as it is, mangled where it is none, and all
/// else as base64.
fn encoded(headers: &HeaderMap, body: &[u8]) -> (bool, Option<String>) {
    if body.is_empty() {
        return (false, None);
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = kind.starts_with("text/")
        || matches!(kind.as_str(), "application/json" | "application/xml" | "application/javascript");
    if text {
        (false, Some(String::from_utf8_lossy(body).into_owned()))
    } else {
        (true, Some(base64url::encode_standard(body)))
    }
}

fn respond(answer: lambda_http::Response<LambdaBody>) -> Response {
    let (head, body) = answer.into_parts();
    let body = match body {
        LambdaBody::Text(text) => Body::from(text),
        LambdaBody::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    };
    Response::from_parts(head, body)
}
