use std::error::Error as _;

use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Certificate, Client, Response};
use serde::{Deserialize, Serialize};
use signalbox_wire::{Problem, ValidateAnswer, ValidateRequest};
use url::Url;

use super::{EncryptionError, VapidKey, VapidKeyError, encrypt};

/// What an application hands to its server: the JSON that browsers make of a `PushSubscription`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Subscription {
    /// Where to send.
    pub endpoint: String,
    /// What to encrypt for.
    pub keys: SubscriptionPublicKeys,
}

/// The public part of a subscription's keys.
#[derive(Clone, Serialize, Deserialize)]
pub struct SubscriptionPublicKeys {
    /// The application's key.
    pub p256dh: String,
    /// Its authentication secret.
    pub auth: String,
}

/// A request of an application server, or of an operator, did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The service was not reached.
    #[error("the push service was not reached: {}", with_causes(.0))]
    Unreached(#[from] reqwest::Error),
    /// The service refused.
    #[error("refused with {}, {}: {}", .0.status, .0.kind, .0.detail)]
    Refused(Problem),
    /// Something else than the service answered.
    #[error("answered with {status}: {body}")]
    Foreign {
        /// The status.
        status: u16,
        /// The beginning of the body.
        body: String,
    },
    /// The key.
    #[error(transparent)]
    Vapid(#[from] VapidKeyError),
    /// The payload.
    #[error(transparent)]
    Encryption(#[from] EncryptionError),
    /// What is to be trusted.
    #[error("the CA cannot be trusted: {0}")]
    Ca(String),
    /// The endpoint is no URL of a push service.
    #[error("{0} is no endpoint")]
    NoEndpoint(String),
    /// The service has no URL with a path.
    #[error("{0} is no push service's URL")]
    NoService(String),
}

/// An application server's part: validates tokens, and sends notifications.
pub struct Sender {
    key: VapidKey,
    http: Client,
}

impl Sender {
    /// With its key.
    #[must_use]
    pub fn new(key: VapidKey) -> Self {
        Self { key, http: Client::new() }
    }

    /// With its key, trusting the certificates of this PEM text, and no others.
    ///
    /// # Errors
    /// [`SenderError::Ca`].
    pub fn trusting(key: VapidKey, ca: &str) -> Result<Self, SenderError> {
        Ok(Self { key, http: client_trusting(ca)? })
    }

    /// Its key.
    #[must_use]
    pub fn key(&self) -> &VapidKey {
        &self.key
    }

    pub(super) fn http(&self) -> &Client {
        &self.http
    }

    /// Shows the endpoint's token to the service, and is authorized (R13 to R15).
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn validate(&self, endpoint: &str) -> Result<ValidateAnswer, SenderError> {
        let request = ValidateRequest { token: None, endpoint: Some(endpoint.to_owned()) };
        let answer = self
            .http
            .post(validate_url(endpoint)?)
            .header(AUTHORIZATION, self.key.authorization(endpoint)?)
            .json(&request)
            .send()
            .await?;
        Ok(accepted(answer).await?.json().await?)
    }

    /// Sends a text, encrypted for the subscription; the message's `Location`, and the TTL that it got.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn push(&self, to: &Subscription, text: &str, ttl: u32) -> Result<Accepted, SenderError> {
        let answer = self
            .http
            .post(&to.endpoint)
            .header(AUTHORIZATION, self.key.authorization(&to.endpoint)?)
            .header("TTL", ttl)
            .header(CONTENT_ENCODING, "aes128gcm")
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(encrypt(text.as_bytes(), &to.keys.p256dh, &to.keys.auth)?)
            .send()
            .await?;
        let answer = accepted(answer).await?;
        let header = |name: &str| {
            answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        Ok(Accepted { location: header("location"), ttl: header("ttl") })
    }
}

/// A client that trusts the certificates of this PEM text, and no others.
pub(super) fn client_trusting(ca: &str) -> Result<Client, SenderError> {
    let refused = |error: reqwest::Error| SenderError::Ca(with_causes(&error));
    let certificates = Certificate::from_pem_bundle(ca.as_bytes()).map_err(refused)?;
    if certificates.is_empty() {
        return Err(SenderError::Ca("there is no certificate in it".to_owned()));
    }
    Client::builder().tls_certs_only(certificates).build().map_err(refused)
}

/// A notification that was accepted (RFC 8030 section 5): that is not yet delivered.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// The message's own resource.
    pub location: String,
    /// How many seconds it may wait.
    pub ttl: String,
}

pub(super) async fn accepted(answer: Response) -> Result<Response, SenderError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.text().await?;
    match serde_json::from_str(&body) {
        Ok(problem) => Err(SenderError::Refused(problem)),
        Err(_) => {
            Err(SenderError::Foreign { status: status.as_u16(), body: body.chars().take(200).collect() })
        }
    }
}

/// The error with what lies under it, which says what is wrong with a certificate, say.
fn with_causes(error: &reqwest::Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // Some repeat what is under them.
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// Beside `/push/{token}` stands `/v1/tokens/validate`, under whatever path the service has.
fn validate_url(endpoint: &str) -> Result<Url, SenderError> {
    let no_endpoint = || SenderError::NoEndpoint(endpoint.to_owned());
    let (base, _token) = endpoint.rsplit_once("/push/").ok_or_else(no_endpoint)?;
    Url::parse(&format!("{base}/v1/tokens/validate")).map_err(|_| no_endpoint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_found_beside_the_endpoint() {
        let url = validate_url("http://127.0.0.1:8080/a/b/push/token").unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:8080/a/b/v1/tokens/validate");
        assert!(validate_url("http://127.0.0.1:8080/token").is_err());
    }
}
