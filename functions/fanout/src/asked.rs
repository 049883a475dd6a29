//! What a request asks for, checked as far as it can be without a read.

use signalbox_domain::{
    Addressee, BodyLimit, IdempotencyKey, Listed, Pages, Payload, Refusal, RefusedRecipient, ServerKey,
    TokenClaims, Topic, Ttl, Urgency, Who,
};
use signalbox_gateway::http::header;
use signalbox_startup::{Context, NotOpened};
use signalbox_wire::{AudienceNotification, NotificationsRequest, Recipient, base64url};

/// A page's most recipients: a message of the queue takes a second or two.
const PAGE: usize = 250;
/// A page's size in bytes: a message of SQS may have 256 KB in every account.
const PAGE_BYTES: usize = 200 * 1024;
/// So many tokens are opened without letting others work.
const WITHOUT_PAUSE: usize = 256;

/// What is the same for all recipients.
pub(crate) struct Asked {
    pub(crate) ttl: Ttl,
    pub(crate) urgency: Urgency,
    pub(crate) topic: Option<Topic>,
    pub(crate) payload: Option<Payload>,
}

impl Asked {
    /// Checked. No payload may use the key by which its server is known (RFC 8292 section 3.2).
    pub(crate) fn read(
        asked: &AudienceNotification,
        server: &ServerKey,
        limit: BodyLimit,
    ) -> Result<Self, Refusal> {
        let payload = payload(asked.body.as_deref(), asked.content_encoding.as_deref(), limit)?;
        if let Some(payload) = &payload {
            payload.check_key_reuse(server)?;
        }
        Ok(Self {
            ttl: Ttl::from_secs(asked.ttl),
            urgency: match asked.urgency.as_deref() {
                None => Urgency::default(),
                Some(text) => text.parse().map_err(|_| Refusal::UrgencyInvalid { got: text.to_owned() })?,
            },
            topic: match asked.topic.as_deref() {
                None => None,
                Some(text) => Some(text.parse().map_err(|_| Refusal::TopicInvalid { got: text.to_owned() })?),
            },
            payload,
        })
    }
}

fn payload(body: Option<&str>, coding: Option<&str>, limit: BodyLimit) -> Result<Option<Payload>, Refusal> {
    let Some(body) = body else { return Ok(None) };
    let body = base64url::decode_lenient(body);
    let body = body.map_err(|_| Refusal::Malformed("`body` is not base64url".to_owned()))?;
    Payload::of_fan_out(body, coding, limit)
}

/// The request's name, where it has one.
pub(crate) fn idempotency_key(request: &lambda_http::Request) -> Result<Option<IdempotencyKey>, Refusal> {
    let Some(text) = header(request, "idempotency-key")? else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| Refusal::IdempotencyKeyInvalid)
}

/// What is the same for all, and the list.
pub(crate) fn split(request: NotificationsRequest) -> (AudienceNotification, Vec<Recipient>) {
    let NotificationsRequest { ttl, urgency, topic, content_encoding, body, recipients } = request;
    (AudienceNotification { ttl, urgency, topic, content_encoding, body }, recipients)
}

/// The list in pages: each recipient, or what it is refused for without a read. 0 calls.
pub(crate) async fn pages(
    context: &Context,
    server: &ServerKey,
    recipients: &[Recipient],
    coding_of_all: Option<&str>,
) -> Result<Pages, Refusal> {
    let mut pages = Pages::new(PAGE, PAGE_BYTES);
    for (place, recipient) in recipients.iter().enumerate() {
        let_others_work(place).await;
        // A list of 4 MiB has no more.
        let index = u32::try_from(place).unwrap_or(u32::MAX);
        pages.add(match listed(context, server, recipient, coding_of_all).await {
            Ok((addressee, payload)) => Ok(Listed { index, addressee, payload }),
            // Nothing may be concluded of a token that could not be read.
            Err(Refusal::Unavailable) => return Err(Refusal::Unavailable),
            Err(refusal) => Err(RefusedRecipient { who: Who::Index(index), kind: refusal.kind() }),
        });
    }
    Ok(pages)
}

/// Behind every so many tokens.
pub(crate) async fn let_others_work(place: usize) {
    if place % WITHOUT_PAUSE == WITHOUT_PAUSE - 1 {
        tokio::task::yield_now().await;
    }
}

async fn listed(
    context: &Context,
    server: &ServerKey,
    recipient: &Recipient,
    coding_of_all: Option<&str>,
) -> Result<(Addressee, Option<Payload>), Refusal> {
    let addressee = addressee(context, server, recipient.shown()).await?;
    let coding = recipient.content_encoding.as_deref().or(coding_of_all);
    let payload = payload(recipient.body.as_deref(), coding, context.settings.body_limit)?;
    if let Some(payload) = &payload {
        payload.check_key_reuse(server)?;
    }
    Ok((addressee, payload))
}

/// The session of a token, if it is one of this deployment and may be of this server's. 0 calls.
pub(crate) async fn addressee(
    context: &Context,
    server: &ServerKey,
    token: &str,
) -> Result<Addressee, Refusal> {
    if token.is_empty() {
        return Err(Refusal::Malformed("`token`, or `endpoint` that ends in it, is missing".to_owned()));
    }
    let opened = context.keys.open(|ring| TokenClaims::open(ring, token)).await;
    let (claims, _) = opened.map_err(|error| match error {
        NotOpened::Forged => Refusal::TokenUnknown,
        NotOpened::Unavailable => Refusal::Unavailable,
    })?;
    claims.admit(Some(server))?;
    Ok(Addressee::of(&claims, token))
}

/// A refused recipient, as it is told.
pub(crate) fn told(refused: &RefusedRecipient) -> signalbox_wire::RefusedRecipient {
    let RefusedRecipient { who, kind } = refused;
    let (index, member) = match who {
        Who::Index(index) => (Some(*index), None),
        Who::Member(token) => (None, Some(base64url::encode(token.as_bytes()))),
    };
    signalbox_wire::RefusedRecipient { index, member, status: kind.status(), kind: kind.urn() }
}
