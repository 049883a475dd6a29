use lambda_http::{Body, Request};
use signalbox_domain::{Payload, Refusal, ServerKey, TokenClaims, TokenDigest, Ttl, VapidCredentials};
use signalbox_gateway::http::{Accepted, accepted, header, path_parameter};
use signalbox_startup::Context;

use crate::Refused;

/// A push request, checked as far as it can be without a read.
pub(crate) struct Push {
    pub(crate) accepted: Accepted,
    pub(crate) claims: TokenClaims,
    pub(crate) token: TokenDigest,
    pub(crate) server: Option<ServerKey>,
    pub(crate) ttl: Ttl,
    pub(crate) payload: Option<Payload>,
}

impl Push {
    /// Everything that can be refused without a read is refused here: forged, malformed and foreign tokens, another
    /// server's key, bad headers and bodies. 0 calls.
    pub(crate) async fn read(context: &Context, request: Request) -> Result<Self, Refused> {
        let accepted = accepted(&request)?;
        let token = path_parameter(&request, "token");
        let (claims, _) = context.keys.open(|ring| TokenClaims::open(ring, &token)).await?;
        let server = server(context, &request)?;
        claims.admit(server.as_ref())?;
        if request.headers().contains_key("topic") {
            return Err(Refusal::NotServed { header: "Topic" }.into());
        }
        let ttl = Ttl::from_header(header(&request, "ttl")?)?;
        let encoding = header(&request, "content-encoding")?.map(ToOwned::to_owned);
        let payload = Payload::new(bytes(request.into_body()), encoding.as_deref())?;
        if let (Some(payload), Some(server)) = (&payload, &server) {
            payload.check_key_reuse(server)?;
        }
        Ok(Self { accepted, claims, token: TokenDigest::of(&token), server, ttl, payload })
    }
}

/// The server that signed; none where the request has no VAPID. VAPID that is bad is refused also where none is needed.
fn server(context: &Context, request: &Request) -> Result<Option<ServerKey>, Refusal> {
    let Some(authorization) = header(request, "authorization")? else { return Ok(None) };
    let credentials = VapidCredentials::from_authorization(authorization)?;
    Ok(Some(credentials.verify(&context.settings.origins, context.clock.now())?))
}

fn bytes(body: Body) -> Vec<u8> {
    match body {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    }
}
