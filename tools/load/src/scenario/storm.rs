use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::task::JoinSet;

use super::listeners::Listeners;
use super::{Failure, Run};
use crate::fleet::Fleet;
use crate::ledger::{Expectation, Faults};
use crate::limits::allow_connections;
use crate::meter::Meter;
use crate::numbers::micros;
use crate::progress::Progress;
use crate::report::Findings;
use crate::roster::Session;
use crate::sender::{Manner, connected_senders, post_all};
use crate::service::Service;
use crate::terminal::{AckPolicy, Live, Terminal, TerminalError};

/// How many register, or leave, at a time.
const AT_A_TIME: usize = 32;
/// How many are posted to at a time, when all are there.
const POSTS: usize = 16;

/// All terminals connect and say hello at once: as new ones, and again as the service knows them.
pub(crate) struct Storm {
    pub(crate) terminals: usize,
}

/// A terminal that has been configured.
struct Configured {
    name: String,
    terminal: Terminal,
    /// From the beginning of the storm, in microseconds.
    to_connection: u64,
    to_hello: u64,
}

/// What a storm has left.
struct Weathered {
    configured: Vec<Configured>,
    errors: Vec<TerminalError>,
}

impl Storm {
    /// The findings, and how many terminals were not configured.
    pub(crate) async fn run(&self, run: &Run) -> Result<(Findings, Faults), Failure> {
        allow_connections((self.terminals + POSTS) as u64)?;
        let mut findings = Findings::default();
        let metered = Meter::start(run.server)?;
        let names = (0..self.terminals).map(|_| None).collect();
        let new = storm("new terminals configured", &run.service, names).await;
        findings.phases.push(metered.stop("new terminals configured", new.configured.len() as u64)?);
        findings
            .latency("storm of new ones to connection", new.configured.iter().map(|one| one.to_connection));
        findings.latency("storm of new ones to configured", new.configured.iter().map(|one| one.to_hello));
        let (names, sessions) = register(&run.service, new.configured).await?;

        let metered = Meter::start(run.server)?;
        let known = names.iter().cloned().map(Some).collect();
        let known = storm("known terminals configured", &run.service, known).await;
        findings.phases.push(metered.stop("known terminals configured", known.configured.len() as u64)?);
        findings.latency(
            "storm of known ones to connection",
            known.configured.iter().map(|one| one.to_connection),
        );
        findings
            .latency("storm of known ones to configured", known.configured.iter().map(|one| one.to_hello));

        let unconfigured = new.errors.len() + known.errors.len();
        self.reach_all(run, &mut findings, (names, sessions), known).await?;
        for error in new.errors {
            *findings.surroundings.said.entry(error.to_string()).or_default() += 1;
        }
        Ok((findings, Faults::from([("unconfigured", unconfigured as u64)])))
    }

    /// Whoever has said hello can be posted to: each gets a message.
    async fn reach_all(
        &self,
        run: &Run,
        findings: &mut Findings,
        (names, sessions): (Vec<String>, Vec<Session>),
        known: Weathered,
    ) -> Result<(), Failure> {
        let roster = run.roster(sessions)?;
        let fleet = Arc::new(Fleet::known(run.service.clone(), names.clone()));
        for error in known.errors {
            roster.strays.note(&error.to_string());
        }
        // Who was not configured comes again, and is one among many then.
        let mut there: std::collections::HashMap<_, _> =
            known.configured.into_iter().map(|one| (one.name, one.terminal)).collect();
        let mut connected = Vec::with_capacity(names.len());
        for (index, name) in names.iter().enumerate() {
            connected.push(match there.remove(name) {
                Some(terminal) => terminal,
                // Under its name, so that one whose name was forgotten is told.
                None => fleet.reconnect(index, &roster).await?,
            });
        }
        // Who was given another name than its own.
        roster.strays.forgotten.fetch_add(there.len() as u64, std::sync::atomic::Ordering::Relaxed);
        let count = roster.sessions.len() as u64;
        let metered = Meter::start(run.server)?;
        let listeners = Listeners::start(connected, &fleet, &roster, (AckPolicy::Every, Live::Yes));
        let senders =
            connected_senders(&run.service, Manner { ttl: 60, topics: 0 }, roster.at_a_time(POSTS)).await;
        findings.answers = post_all(senders, &roster, &run.pace(count, None)?).await;
        Listeners::settle(&roster, run.patience).await;
        findings.phases.push(metered.stop("messages arrived", roster.arrived())?);
        listeners.end().await;
        findings.judge(&roster, Expectation::Each);
        Ok(())
    }
}

/// All at once, under these names.
async fn storm(what: &'static str, service: &Arc<Service>, names: Vec<Option<String>>) -> Weathered {
    let progress = Progress::new(what, names.len() as u64);
    let (began, mut tasks) = (Instant::now(), JoinSet::new());
    for name in names {
        let service = service.clone();
        tasks.spawn(async move { configure(&service, name, began).await });
    }
    let mut weathered = Weathered { configured: Vec::new(), errors: Vec::new() };
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(Ok(configured)) => weathered.configured.push(configured),
            Ok(Err(error)) => weathered.errors.push(error),
            Err(error) => weathered.errors.push(TerminalError::Refused(error.to_string())),
        }
        progress.add();
    }
    weathered
}

async fn configure(
    service: &Service,
    name: Option<String>,
    began: Instant,
) -> Result<Configured, TerminalError> {
    let mut terminal = service.connect().await?;
    let to_connection = micros(began, Instant::now());
    let name = terminal.hello(name.as_deref()).await?;
    Ok(Configured { name, terminal, to_connection, to_hello: micros(began, Instant::now()) })
}

/// Each terminal has a session, and leaves.
async fn register(
    service: &Service,
    configured: Vec<Configured>,
) -> Result<(Vec<String>, Vec<Session>), TerminalError> {
    let registered = stream::iter(configured.into_iter().enumerate()).map(|(index, one)| async move {
        let Configured { name, mut terminal, .. } = one;
        let (channel, path) = service.register(&mut terminal).await?;
        terminal.close().await;
        Ok::<_, TerminalError>((name, Session::new(index, channel, path)))
    });
    let registered: Vec<_> = registered.buffered(AT_A_TIME).try_collect().await?;
    // Until the service has seen that the last of them has left.
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(registered.into_iter().unzip())
}
