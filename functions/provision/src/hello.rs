use std::collections::BTreeMap;
use std::time::Duration;

use signalbox_delivery::{NotOwed, PostError};
use signalbox_domain::{ConnectionId, NotAnUrgency, TerminalId, Timestamp, Uaid, Urgency};
use signalbox_gateway::TerminalEvent;
use signalbox_startup::NotAdmitted;
use signalbox_store::{Arrival, Claim, NewTerminal, StoreError, TakeOver};
use signalbox_wire::{ErrorReason, Hello, HelloAnswer, ServiceMessage};

use crate::Provision;

/// So much longer than its connection an entry is kept.
const OUTLIVES: Duration = Duration::from_secs(15 * 60);

/// Why a `hello` ends with a closed connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("hello: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("use_webpush must be true: the protocol without it is not served")]
    NotWebPush,
    #[error("urgency {0}")]
    Urgency(#[from] NotAnUrgency),
    #[error("a new terminal needs an enrolment key, in hello or when it connects")]
    NoEnrolmentKey,
    #[error(transparent)]
    Enrolment(#[from] NotAdmitted),
    #[error("this connection has said hello before")]
    SecondHello,
    #[error("a newer connection of this terminal has taken over")]
    Superseded,
    /// Nobody is there to be told.
    #[error("the connection is closed")]
    Gone,
    #[error("the service could not complete the hello; connect again")]
    Store(#[from] StoreError),
    #[error("the service could not complete the hello; connect again")]
    Post(String),
    #[error("what waits could not all be sent; connect again for the rest")]
    Owe(NotOwed),
}

impl From<PostError> for Trouble {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Gone => Self::Gone,
            PostError::Failed(error) => Self::Post(error),
        }
    }
}

impl Trouble {
    fn reason(&self) -> ErrorReason {
        match self {
            Self::Malformed(_) | Self::Urgency(_) => ErrorReason::Malformed,
            Self::NotWebPush => ErrorReason::NotWebPush,
            Self::NoEnrolmentKey | Self::Enrolment(NotAdmitted::Unknown) => ErrorReason::NotEnrolled,
            Self::SecondHello => ErrorReason::SecondHello,
            Self::Superseded => ErrorReason::Superseded,
            Self::Gone
            | Self::Enrolment(NotAdmitted::Unavailable)
            | Self::Store(_)
            | Self::Post(_)
            | Self::Owe(_) => ErrorReason::Unavailable,
        }
    }
}

impl Provision {
    /// R2 to R4. A uaid that is none of ours, or whose terminal is forgotten or retired, gets a new terminal: by its other
    /// uaid the terminal knows that its sessions are gone.
    pub(crate) async fn hello(&self, event: &TerminalEvent, until: Timestamp) -> Result<(), Trouble> {
        let hello: Hello = event.message()?;
        if hello.use_webpush == Some(false) {
            return Err(Trouble::NotWebPush);
        }
        let minimum = hello.urgency.as_deref().map_or(Ok(Urgency::NO_MINIMUM), str::parse)?;
        match hello.uaid.as_deref().and_then(|uaid| uaid.parse::<Uaid>().ok()) {
            Some(uaid) => self.known(event, &hello, &uaid, minimum, until).await,
            None => self.new_terminal(event, &hello, minimum).await,
        }
    }

    /// 2 calls and the answer; 3 where the service asks for an enrolment key and it was presented when the connection was made.
    async fn new_terminal(
        &self,
        event: &TerminalEvent,
        hello: &Hello,
        minimum: Urgency,
    ) -> Result<(), Trouble> {
        self.enrolled(event, hello).await?;
        let uaid = Uaid::derive(&self.context.keys.current(), &event.connection, &event.id);
        let arrival = arrival(event, &uaid, minimum);
        let now = self.context.clock.now();
        match self.context.store.create_terminal(&arrival, self.connection_expires(now), now).await? {
            NewTerminal::Created => {}
            NewTerminal::SecondHello => return Err(Trouble::SecondHello),
        }
        self.arrive(&arrival, &uaid).await?;
        tracing::info!(terminal = %arrival.terminal, connection = %event.connection, "provisioned");
        // Nobody has a token of it yet: nothing waits.
        Ok(())
    }

    /// The connection is claimed first: a second `hello` on it, perhaps with another uaid, must move no terminal. 4 calls and
    /// the answer where nothing waits.
    async fn known(
        &self,
        event: &TerminalEvent,
        hello: &Hello,
        uaid: &Uaid,
        minimum: Urgency,
        until: Timestamp,
    ) -> Result<(), Trouble> {
        let arrival = arrival(event, uaid, minimum);
        let now = self.context.clock.now();
        match self.context.store.claim_connection(&arrival, self.connection_expires(now)).await? {
            Claim::Claimed => {}
            Claim::SecondHello => return Err(Trouble::SecondHello),
        }
        let before = match self.context.store.take_over(&arrival, now).await? {
            TakeOver::Taken { before } => before,
            TakeOver::Unknown => return self.new_terminal(event, hello, minimum).await,
            TakeOver::Suspended => {
                // It may not ask for sessions and is sent nothing, but its uaid stays its own.
                return self.configure(&event.connection, uaid, 403).await;
            }
            TakeOver::Superseded => return Err(Trouble::Superseded),
            TakeOver::SecondHello => return Err(Trouble::SecondHello),
        };
        let arrived = self.arrive(&arrival, uaid).await;
        // Whatever became of the newer one: the terminal is off the older one, and must not wait there (I7).
        if let Some(before) = before {
            self.close(&before).await;
        }
        arrived?;
        tracing::info!(terminal = %arrival.terminal, connection = %event.connection, "arrived");
        self.drain(&arrival, event.request.clone(), until).await
    }

    /// Whether a new terminal may be made: of a known one the uaid is enough. The key in `hello` has the say where there is one, else
    /// what the connection was made with. No call, or 1.
    async fn enrolled(&self, event: &TerminalEvent, hello: &Hello) -> Result<(), Trouble> {
        let Some(enrolment) = &self.context.enrolment else { return Ok(()) };
        if let Some(presented) = &hello.enrolment {
            let presented = presented.parse().map_err(|_| NotAdmitted::Unknown)?;
            let key = enrolment.admit(&presented).await?;
            tracing::info!(connection = %event.connection, %key, "enrolled");
            return Ok(());
        }
        let enrolled = self.context.store.is_enrolled(&event.connection, self.context.clock.now()).await?;
        if enrolled { Ok(()) } else { Err(Trouble::NoEnrolmentKey) }
    }

    /// The configuring message, and behind it the gate.
    async fn arrive(&self, arrival: &Arrival, uaid: &Uaid) -> Result<(), Trouble> {
        self.configure(&arrival.connection, uaid, 200).await?;
        self.open(arrival).await?;
        self.keep_alive(arrival).await;
        Ok(())
    }

    /// Registers the connection among those that are kept alive, where they are. Without it the terminal is cut off when it is
    /// idle, and comes again. 1 call more.
    async fn keep_alive(&self, arrival: &Arrival) {
        let Some(table) = &self.context.keep_alive else { return };
        let ends = arrival.connected.plus(self.context.settings.connection_lifetime);
        if let Err(error) = table.register(&arrival.connection, ends).await {
            tracing::warn!(connection = %arrival.connection, %error, "a connection will not be kept alive");
        }
    }

    /// The configuring message (R3).
    async fn configure(&self, connection: &ConnectionId, uaid: &Uaid, status: u16) -> Result<(), Trouble> {
        let answer = ServiceMessage::Hello(HelloAnswer {
            uaid: uaid.expose().to_owned(),
            status,
            use_webpush: true,
            broadcasts: BTreeMap::new(),
        });
        Ok(self.context.delivery.post(connection, &answer).await?)
    }

    /// Only now is the terminal provisioned (R4), and its gate open (I3).
    async fn open(&self, arrival: &Arrival) -> Result<(), Trouble> {
        let ours = self.context.store.open_gate(arrival.terminal, &arrival.connection).await?;
        if ours { Ok(()) } else { Err(Trouble::Superseded) }
    }

    /// The loser of a takeover is closed (I7). Where that fails, the winner does not suffer: nothing is posted there again.
    async fn close(&self, connection: &ConnectionId) {
        if let Err(error) = self.context.delivery.close(connection).await {
            tracing::warn!(%connection, %error, "a connection could not be closed");
        }
    }

    /// The connection was closed while its `hello` was answered; its `$disconnect` may have come before there was anything
    /// to forget.
    async fn forget(&self, event: &TerminalEvent) {
        tracing::info!(connection = %event.connection, "closed during hello");
        let forgotten = async {
            let Some(entry) = self.context.store.delete_connection(&event.connection).await? else {
                return Ok(());
            };
            let now = self.context.clock.now();
            self.context.store.forget_connection(entry.terminal, &event.connection, now).await.map(|_| ())
        };
        if let Err(error) = forgotten.await {
            let error: StoreError = error;
            tracing::warn!(connection = %event.connection, %error, "a closed connection could not be forgotten");
        }
    }

    fn connection_expires(&self, now: Timestamp) -> Timestamp {
        now.plus(self.context.settings.connection_lifetime).plus(OUTLIVES)
    }

    pub(crate) async fn refuse(&self, event: &TerminalEvent, trouble: Trouble) {
        match &trouble {
            Trouble::Gone => return self.forget(event).await,
            Trouble::Post(error) => {
                tracing::error!(connection = %event.connection, error, "hello failed");
                // It could not be posted to: that it is told nothing more leaves the time to close it.
                return self.close(&event.connection).await;
            }
            Trouble::Store(error) => tracing::error!(connection = %event.connection, %error, "hello failed"),
            Trouble::Owe(error) => tracing::error!(connection = %event.connection, %error, "hello failed"),
            _ => {}
        }
        self.context.delivery.refuse(&event.connection, trouble.reason(), trouble.to_string()).await;
    }
}

fn arrival(event: &TerminalEvent, uaid: &Uaid, minimum: Urgency) -> Arrival {
    Arrival {
        terminal: TerminalId::of(uaid),
        connection: event.connection.clone(),
        connected: event.connected,
        hello: event.id.clone(),
        minimum,
    }
}
