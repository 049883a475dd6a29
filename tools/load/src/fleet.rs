use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::progress::Progress;
use crate::roster::{Roster, Session};
use crate::service::Service;
use crate::terminal::{Terminal, TerminalError};

/// How many terminals connect at a time.
const AT_ONCE: usize = 32;

/// The terminals of a run: who they are, while their connections come and go.
pub(crate) struct Fleet {
    service: Arc<Service>,
    names: Mutex<Vec<String>>,
}

/// Terminals that are connected, in their order.
pub(crate) type Connected = Vec<Terminal>;

impl Fleet {
    /// New terminals, each with so many sessions; the sessions of a terminal are not next to one another.
    pub(crate) async fn gather(
        service: Arc<Service>,
        terminals: usize,
        sessions: usize,
    ) -> Result<(Self, Connected, Vec<Session>), TerminalError> {
        let progress = Progress::new("terminals connected", terminals as u64);
        let made: Vec<_> = stream::iter(0..terminals)
            .map(|_| provision(&service, sessions))
            .buffered(AT_ONCE)
            .inspect_ok(|_| progress.add())
            .try_collect()
            .await?;
        let (mut names, mut connected, mut registered) = (Vec::new(), Vec::new(), Vec::new());
        for (index, (name, terminal, of_terminal)) in made.into_iter().enumerate() {
            names.push(name);
            connected.push(terminal);
            let sessions = of_terminal.into_iter().enumerate();
            registered
                .extend(sessions.map(|(turn, (channel, path))| (turn, Session::new(index, channel, path))));
        }
        // Senders take the sessions in turns, so that neighbours are posted to at the same time.
        registered.sort_by_key(|&(turn, _)| turn);
        let sessions = registered.into_iter().map(|(_, session)| session).collect();
        Ok((Self { service, names: Mutex::new(names) }, connected, sessions))
    }

    /// Terminals that the service knows already.
    pub(crate) fn known(service: Arc<Service>, names: Vec<String>) -> Self {
        Self { service, names: Mutex::new(names) }
    }

    /// All terminals come again, a few at a time.
    pub(crate) async fn gather_again(&self, roster: &Roster) -> Result<Connected, TerminalError> {
        let count = self.names.lock().unwrap_or_else(PoisonError::into_inner).len();
        let connecting = stream::iter(0..count).map(|index| self.reconnect(index, roster));
        connecting.buffered(AT_ONCE).try_collect().await
    }

    /// A terminal comes again under its name. That it has lost it is noted; it goes on under its new one.
    pub(crate) async fn reconnect(&self, index: usize, roster: &Roster) -> Result<Terminal, TerminalError> {
        let mut terminal = self.service.connect().await?;
        let name = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(index).cloned();
        let given = terminal.hello(name.as_deref()).await?;
        if name.as_ref() != Some(&given) {
            roster.strays.forgotten.fetch_add(1, Ordering::Relaxed);
            if let Some(kept) = self.names.lock().unwrap_or_else(PoisonError::into_inner).get_mut(index) {
                *kept = given;
            }
        }
        Ok(terminal)
    }
}

type Provisioned = (String, Terminal, Vec<(String, hyper::Uri)>);

/// A terminal that has come, registered, and left.
pub(crate) struct Visitor {
    pub(crate) name: String,
    pub(crate) channel: String,
    pub(crate) path: hyper::Uri,
}

/// Terminals that come, register a session each, and leave; a few are connected at a time.
pub(crate) async fn visit(service: &Service, count: usize) -> Result<Vec<Visitor>, TerminalError> {
    let progress = Progress::new("absent terminals registered", count as u64);
    let visits = stream::iter(0..count).map(|_| async {
        let mut terminal = service.connect().await?;
        let name = terminal.hello(None).await?;
        let (channel, path) = service.register(&mut terminal).await?;
        terminal.close().await;
        Ok(Visitor { name, channel, path })
    });
    visits.buffered(AT_ONCE).inspect_ok(|_| progress.add()).try_collect().await
}

async fn provision(service: &Service, sessions: usize) -> Result<Provisioned, TerminalError> {
    let mut terminal = service.connect().await?;
    let name = terminal.hello(None).await?;
    let mut registered = Vec::with_capacity(sessions);
    for _ in 0..sessions {
        registered.push(service.register(&mut terminal).await?);
    }
    Ok((name, terminal, registered))
}
