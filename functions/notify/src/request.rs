use lambda_http::{Body, Request};
use signalbox_domain::{
    ContentHeaders, MessageKind, Payload, Refusal, ServerKey, TokenClaims, TokenDigest, Topic, TopicMark,
    Ttl, Urgency,
};
use signalbox_gateway::http::{Accepted, accepted, header, path_parameter, server};
use signalbox_startup::Context;

use crate::Refused;

/// A push request, checked as far as it can be without a read.
pub(crate) struct Push {
    pub(crate) accepted: Accepted,
    pub(crate) claims: TokenClaims,
    pub(crate) token: TokenDigest,
    pub(crate) server: Option<ServerKey>,
    pub(crate) ttl: Ttl,
    pub(crate) urgency: Urgency,
    pub(crate) topic: Option<TopicMark>,
    /// Whether the sender wants to know that it was acknowledged.
    pub(crate) receipt: bool,
    pub(crate) payload: Option<Payload>,
}

impl Push {
    /// Everything that can be refused without a read is refused here: forged, malformed and foreign tokens, another
    /// server's key, bad headers and bodies. 0 calls.
    pub(crate) async fn read(context: &Context, request: Request) -> Result<Self, Refused> {
        let accepted = accepted(&request)?;
        let token = path_parameter(&request, "token");
        let (claims, _) = context.keys.open(|ring| TokenClaims::open(ring, &token)).await?;
        let server = server(&request, &context.vapid, context.clock.now())?;
        claims.admit(server.as_ref())?;
        let ttl = Ttl::from_header(header(&request, "ttl")?)?;
        let urgency = urgency(header(&request, "urgency")?)?;
        let topic = topic(header(&request, "topic")?)?.map(|topic| TopicMark::of(&claims.channel, &topic));
        let receipt = header(&request, "prefer")?.is_some_and(wants_receipt);
        let payload = payload(context, request)?;
        if let (Some(payload), Some(server)) = (&payload, &server) {
            payload.check_key_reuse(server)?;
        }
        let token = TokenDigest::of(&token);
        Ok(Self { accepted, claims, token, server, ttl, urgency, topic, receipt, payload })
    }

    /// Where the message is kept, if it is.
    pub(crate) fn kind(&self) -> MessageKind {
        match self.topic {
            _ if self.ttl.is_now_or_never() => MessageKind::Transient,
            Some(mark) => MessageKind::OfTopic(mark),
            None => MessageKind::Stored,
        }
    }
}

fn urgency(header: Option<&str>) -> Result<Urgency, Refusal> {
    let Some(text) = header else { return Ok(Urgency::default()) };
    text.trim().parse().map_err(|_| Refusal::UrgencyInvalid { got: text.to_owned() })
}

fn topic(header: Option<&str>) -> Result<Option<Topic>, Refusal> {
    let Some(text) = header else { return Ok(None) };
    text.trim().parse().map(Some).map_err(|_| Refusal::TopicInvalid { got: text.to_owned() })
}

/// `Prefer: respond-async`, alone or among other preferences (RFC 7240).
fn wants_receipt(prefer: &str) -> bool {
    prefer.split(',').any(|preference| {
        let name = preference.split(&[';', '='][..]).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("respond-async")
    })
}

fn payload(context: &Context, request: Request) -> Result<Option<Payload>, Refusal> {
    let (head, body) = request.into_parts();
    let head = Request::from_parts(head, Body::Empty);
    let headers = ContentHeaders {
        encoding: header(&head, "content-encoding")?,
        encryption: header(&head, "encryption")?,
        crypto_key: header(&head, "crypto-key")?,
    };
    Payload::new(bytes(body), headers, context.settings.body_limit)
}

fn bytes(body: Body) -> Vec<u8> {
    match body {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_wanted_where_the_preference_is_among_others() {
        for wanted in ["respond-async", "wait=10, Respond-Async", "respond-async; foo=bar"] {
            assert!(wants_receipt(wanted), "{wanted}");
        }
        for not in ["", "wait=10", "respond-asynchronously", "return=respond-async"] {
            assert!(!wants_receipt(not), "{not}");
        }
    }
}
