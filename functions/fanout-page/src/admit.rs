use std::collections::HashMap;

use signalbox_domain::{
    Addressee, Application, ApplicationName, AuthorizationPolicy, ConnectionId, Encoding, Job, MessageKey,
    MessageKind, Payload, Refusal, StoredMessage, Timestamp, TopicMark, Who, evaluate,
};
use signalbox_store::Routes;

/// A recipient of a page.
pub(crate) struct Recipient {
    /// As the sender knows it.
    pub(crate) who: Who,
    pub(crate) addressee: Addressee,
    /// What it alone gets.
    pub(crate) payload: Option<Payload>,
}

/// A message that may be delivered, and where its terminal is.
pub(crate) struct Due {
    pub(crate) message: StoredMessage,
    /// The connection, where it can be posted now.
    pub(crate) connection: Option<ConnectionId>,
    /// A `hello` is being answered.
    pub(crate) arriving: bool,
}

/// By what a recipient is judged beside its own rows.
pub(crate) struct Rules {
    pub(crate) policy: AuthorizationPolicy,
    /// Those that are registered, of the applications of a page's sessions.
    pub(crate) applications: HashMap<ApplicationName, Application>,
    pub(crate) waiting_limit: u64,
}

/// Evaluates a recipient's token as a single notification's is (R19, R40), and makes its message: the same one whenever this
/// runs (R42).
pub(crate) fn admit(
    job: &Job,
    rules: &Rules,
    recipient: Recipient,
    routes: &Routes,
    now: Timestamp,
) -> Result<Due, Refusal> {
    let Addressee { terminal: id, channel, token } = recipient.addressee;
    let (terminal, session) = (routes.terminals.get(&id), routes.sessions.get(&(id, channel)));
    let session = evaluate(terminal, session, &token, now)?;
    let application = session.request.application.as_ref().and_then(|name| rules.applications.get(name));
    rules.policy.admit_notification(session, application, Some(&job.server))?;
    let terminal = terminal.ok_or(Refusal::TokenUnknown)?;
    let shared = job.shares_body() && recipient.payload.is_none();
    let payload = recipient.payload.or_else(|| job.payload.clone());
    let identity = payload.as_ref().is_some_and(|payload| *payload.encoding() == Encoding::Identity);
    if identity && !session.request.takes_identity {
        return Err(Refusal::EncodingNotAsked);
    }
    let connection = terminal.reachable_at(job.urgency).cloned();
    if !job.ttl.is_now_or_never() && connection.is_none() && terminal.waiting >= rules.waiting_limit {
        return Err(Refusal::TooManyWaiting { limit: rules.waiting_limit });
    }
    let place = match recipient.who {
        Who::Index(index) => Some(index),
        Who::Member(_) => None,
    };
    let kind = match &job.topic {
        _ if job.ttl.is_now_or_never() => MessageKind::Transient,
        Some(topic) => MessageKind::OfTopic(TopicMark::of(&channel, topic)),
        None => MessageKind::Stored,
    };
    let message = StoredMessage {
        key: MessageKey { terminal: id, accepted: job.acceptance(place, &channel), kind, receipt: false },
        channel,
        generation: session.generation,
        payload,
        shared: shared.then_some(job.id),
        urgency: job.urgency,
        expires: job.expires(),
        sealed_under: job.sealed_under,
    };
    Ok(Due { message, connection, arriving: terminal.is_arriving() })
}
