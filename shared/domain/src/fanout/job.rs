use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use aws_lc_rs::digest;
use signalbox_wire::{ChannelId, base64url};

use super::Audience;
use crate::{Acceptance, EventId, KeyId, Payload, ServerKey, Timestamp, Topic, Ttl, Urgency};

/// A shorter body costs no more where it is stored with each message: DynamoDB counts by the KB.
const SHARED_FROM: usize = 512;

/// How long after it was accepted a job with TTL 0 may still be delivered.
const NOW: Duration = Duration::from_secs(600);

/// What a sender calls its request, so that a repetition is known for one (`Idempotency-Key`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// The text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 128 visible ASCII characters")]
pub struct NotAnIdempotencyKey;

impl FromStr for IdempotencyKey {
    type Err = NotAnIdempotencyKey;

    fn from_str(text: &str) -> Result<Self, NotAnIdempotencyKey> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(text.to_owned())) } else { Err(NotAnIdempotencyKey) }
    }
}

/// Names a job. It tells nothing to who does not know the request, and is no right: only the server that asked may look.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId([u8; 16]);

/// The text names no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 bytes in base64url")]
pub struct NotAJobId;

impl JobId {
    /// No job's name.
    pub const NONE: Self = Self([0; 16]);

    /// The job of a request that its server has named: the same for each repetition (R42).
    #[must_use]
    pub fn of_key(server: &ServerKey, key: &IdempotencyKey) -> Self {
        Self::hash(server, b"key", key.0.as_bytes())
    }

    /// The job of a request without a name: the same however often the event runs (I10).
    #[must_use]
    pub fn of_request(server: &ServerKey, request: &EventId) -> Self {
        Self::hash(server, b"request", request.as_str().as_bytes())
    }

    fn hash(server: &ServerKey, kind: &[u8], name: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        // A server key has a fixed length, and no kind begins with another.
        context.update(server.as_bytes());
        context.update(kind);
        context.update(name);
        let mut id = [0; 16];
        id.copy_from_slice(&context.finish().as_ref()[..16]);
        Self(id)
    }
}

impl FromStr for JobId {
    type Err = NotAJobId;

    fn from_str(text: &str) -> Result<Self, NotAJobId> {
        let bytes = base64url::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(NotAJobId)
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

/// What was asked for, as a hash: under one idempotency key it may only be one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestDigest([u8; 32]);

impl RequestDigest {
    /// Of a request for these recipients (the audience's name; empty for a list) with this body.
    #[must_use]
    pub fn of(audience: &str, body: &[u8]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(audience.as_bytes());
        // No audience's name has it.
        context.update(b"\n");
        context.update(body);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(context.finish().as_ref());
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From its 32 bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// Whom a job is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// Those that the request listed, good or bad.
    Listed {
        /// How many.
        total: u32,
    },
    /// All members of an audience.
    Audience {
        /// Which.
        audience: Audience,
        /// How many it had when the job was accepted; where it is large, about how many.
        about: u64,
    },
}

/// One accepted request for many (R40): everything that is the same for all of its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Who asked.
    pub server: ServerKey,
    /// What was asked for.
    pub request: RequestDigest,
    /// When it was accepted: that of each of its messages.
    pub accepted: Timestamp,
    /// How long its messages may wait.
    pub ttl: Ttl,
    /// How urgent they are.
    pub urgency: Urgency,
    /// Their topic.
    pub topic: Option<Topic>,
    /// What they carry, where it is the same for all.
    pub payload: Option<Payload>,
    /// The key under which their versions are sealed, whenever that happens (I2).
    pub sealed_under: KeyId,
    /// Whom it is for.
    pub recipients: Recipients,
    /// How many pages it has.
    pub pages: u32,
}

impl Job {
    /// The acceptance of the message for one recipient, the same however often its page runs (R42). `place` is the
    /// recipient's place in the list; of an audience's member there is none, as it has just one for each session.
    #[must_use]
    pub fn acceptance(&self, place: Option<u32>, channel: &ChannelId) -> Acceptance {
        let tie = if let Some(place) = place {
            format!("{}-{place:06}", self.id)
        } else {
            let hash = digest::digest(&digest::SHA256, channel.as_bytes());
            format!("{}-{}", self.id, base64url::encode(&hash.as_ref()[..9]))
        };
        Acceptance::of(self.accepted, tie)
    }

    /// Until when its messages wait.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.ttl.expires(self.accepted)
    }

    /// From when on nothing of it is delivered (RFC 8030 section 5.2). With TTL 0 `now` is when a page is carried out, in the
    /// course of things: for a large job that is minutes later.
    #[must_use]
    pub fn too_late(&self) -> Timestamp {
        if self.ttl.is_now_or_never() { self.accepted.plus(NOW) } else { self.expires() }
    }

    /// Whether what it carries is kept once for all of its messages that wait, and not with each.
    #[must_use]
    pub fn shares_body(&self) -> bool {
        let bytes = self.payload.as_ref().map_or(0, |payload| payload.body().len());
        bytes >= SHARED_FROM && !self.ttl.is_now_or_never()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vapid::tests::TestServer;

    /// R42: a repetition is the same job; another server, another key or an unnamed request never is.
    #[test]
    fn a_job_is_named_by_its_server_and_its_request() {
        let (a, b) = (TestServer::new().key(), TestServer::new().key());
        let key = |text: &str| text.parse::<IdempotencyKey>().unwrap();
        let id = JobId::of_key(&a, &key("k"));
        assert_eq!(id, JobId::of_key(&a, &key("k")));
        assert_ne!(id, JobId::of_key(&b, &key("k")));
        assert_ne!(id, JobId::of_key(&a, &key("l")));
        assert_ne!(id, JobId::of_request(&a, &"k".parse().unwrap()));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("x".parse::<JobId>(), Err(NotAJobId));
    }

    #[test]
    fn an_idempotency_key_is_visible_and_short() {
        for good in ["a", "8e03978e-40d5-43e8-bc93-6894a57f9324", &"k".repeat(128)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "ä", &"k".repeat(129)] {
            assert_eq!(bad.parse::<IdempotencyKey>(), Err(NotAnIdempotencyKey), "{bad}");
        }
    }

    #[test]
    fn the_same_body_for_other_recipients_is_another_request() {
        let digest = RequestDigest::of("", b"{}");
        assert_eq!(digest, RequestDigest::of("", b"{}"));
        assert_ne!(digest, RequestDigest::of("news", b"{}"));
        assert_ne!(digest, RequestDigest::of("", b"{ }"));
        assert_eq!(RequestDigest::from_bytes(digest.as_bytes()), Some(digest));
        assert_eq!(RequestDigest::from_bytes(&[0; 31]), None);
    }
}
