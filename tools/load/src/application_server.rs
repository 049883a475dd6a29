//! An application server that sends to many at a time: one connection, one request at a time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::SendRequest;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use signalbox_wire::{AudienceChange, AudienceChanged, JobAccepted, JobProgress};

use crate::ledger::Answer;
use crate::sender::meaning;
use crate::service::Service;

/// As long as a service holds an answer back until a job is done.
const WAIT: Duration = Duration::from_secs(25);

/// Calls the service in the name of the run's key.
pub(crate) struct ApplicationServer {
    service: Arc<Service>,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// A call that has not gone well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("not connected: {0}")]
    Unconnected(#[from] io::Error),
    #[error("the connection failed: {0}")]
    Broken(#[from] hyper::Error),
    #[error("{what} was not answered within {} s", within.as_secs())]
    Unanswered { what: String, within: Duration },
    #[error("{what} was answered with {status}: {text}")]
    Refused { what: String, status: StatusCode, text: String },
    #[error("the answer to {what} was not understood: {error}")]
    NotUnderstood { what: String, error: serde_json::Error },
}

impl CallError {
    /// What it says of a notification.
    pub(crate) fn meaning(&self) -> Answer {
        match self {
            Self::Refused { status, .. } => meaning(*status),
            _ => Answer::Unknown,
        }
    }

    /// As it is counted among answers.
    pub(crate) fn in_short(&self) -> String {
        match self {
            Self::Unconnected(error) => format!("not connected: {:?}", error.kind()),
            Self::Broken(_) => "connection failed".to_owned(),
            Self::Unanswered { .. } => "unanswered".to_owned(),
            Self::Refused { status, .. } => status.as_str().to_owned(),
            Self::NotUnderstood { .. } => "not understood".to_owned(),
        }
    }
}

/// A request, and the status that it should be answered with.
struct Call<'a> {
    method: Method,
    path: &'a str,
    body: Bytes,
    idempotency_key: Option<&'a str>,
    expected: StatusCode,
    within: Duration,
}

impl ApplicationServer {
    pub(crate) fn new(service: Arc<Service>) -> Self {
        Self { service, connection: None }
    }

    /// Adds members to an audience, or removes some.
    pub(crate) async fn change(
        &mut self,
        audience: &str,
        change: &AudienceChange,
    ) -> Result<AudienceChanged, CallError> {
        let path = format!("/v1/audiences/{audience}");
        let (method, body, expected) = (Method::PATCH, in_json(change), StatusCode::OK);
        self.call(Call { method, path: &path, body, idempotency_key: None, expected, within: self.within() })
            .await
    }

    /// An audience that is not needed any more.
    pub(crate) async fn delete(&mut self, audience: &str) -> Result<(), CallError> {
        let path = format!("/v1/audiences/{audience}");
        let (method, expected, within) = (Method::DELETE, StatusCode::NO_CONTENT, self.within());
        let body = Bytes::new();
        self.answer(&Call { method, path: &path, body, idempotency_key: None, expected, within }).await?;
        Ok(())
    }

    /// One notification to many, named by this key.
    pub(crate) async fn notify(
        &mut self,
        path: &str,
        body: Bytes,
        key: &str,
    ) -> Result<JobAccepted, CallError> {
        let (method, expected, within) = (Method::POST, StatusCode::ACCEPTED, self.within());
        self.call(Call { method, path, body, idempotency_key: Some(key), expected, within }).await
    }

    /// How far a job is, once it is done, or after a while.
    pub(crate) async fn progress(&mut self, job: &str, wait: Duration) -> Result<JobProgress, CallError> {
        let wait = wait.min(WAIT);
        let path = format!("/v1/notifications/{job}?wait={}", wait.as_secs());
        let (method, expected, within) = (Method::GET, StatusCode::OK, self.within() + wait);
        let body = Bytes::new();
        self.call(Call { method, path: &path, body, idempotency_key: None, expected, within }).await
    }

    /// Connects, if it is not connected. So that a request that is measured need not.
    pub(crate) async fn connect(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, CallError> {
        let ready = match &mut self.connection {
            Some(connection) => connection.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            self.connection = None;
        }
        match &mut self.connection {
            Some(connection) => Ok(connection),
            empty => Ok(empty.insert(self.service.connect_sender().await?)),
        }
    }

    async fn call<T: DeserializeOwned>(&mut self, call: Call<'_>) -> Result<T, CallError> {
        let body = self.answer(&call).await?;
        serde_json::from_slice(&body)
            .map_err(|error| CallError::NotUnderstood { what: call.to_string(), error })
    }

    /// The body of an answer with the expected status.
    async fn answer(&mut self, call: &Call<'_>) -> Result<Bytes, CallError> {
        let request = self.request(call);
        let connection = self.connect().await?;
        let answered = tokio::time::timeout(call.within, async {
            let answer = connection.send_request(request).await?;
            let status = answer.status();
            Ok::<_, hyper::Error>((status, answer.into_body().collect().await?.to_bytes()))
        });
        let (status, body) = match answered.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                self.connection = None;
                return Err(error.into());
            }
            Err(_) => {
                // Its answer may come yet, and is no other request's.
                self.connection = None;
                return Err(CallError::Unanswered { what: call.to_string(), within: call.within });
            }
        };
        if status == call.expected {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body).chars().take(200).collect();
        Err(CallError::Refused { what: call.to_string(), status, text })
    }

    fn request(&self, call: &Call<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        // Paths here are of fixed words, and of names that are fit for a URL.
        *request.uri_mut() = call.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        if let Ok(host) = HeaderValue::try_from(&self.service.endpoints().authority) {
            headers.insert(HOST, host);
        }
        if let Some(authorization) = self.service.authorization() {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if !call.body.is_empty() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(key) = call.idempotency_key.and_then(|key| HeaderValue::try_from(key).ok()) {
            headers.insert(HeaderName::from_static("idempotency-key"), key);
        }
        request
    }

    fn within(&self) -> Duration {
        self.service.answer_within()
    }
}

impl std::fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// The types of the protocol always serialize.
pub(crate) fn in_json(of: &impl Serialize) -> Bytes {
    serde_json::to_vec(of).unwrap_or_default().into()
}
