use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::fan_out::{Naming, Notifier, Presence, Recipients, Record, audience_of, fanned_out};
use super::listeners::Listeners;
use super::{Failure, Run};
use crate::application_server::ApplicationServer;
use crate::fleet::{Connected, Fleet};
use crate::ledger::{Expectation, Faults, Ledger};
use crate::limits::allow_connections;
use crate::meter::Meter;
use crate::pace::{Bounds, Pace, Rate};
use crate::progress::Progress;
use crate::report::Findings;
use crate::roster::Roster;
use crate::samples::Sampler;
use crate::sender::{Answers, Manner, connected_senders, post_to};
use crate::terminal::{AckPolicy, Live, come_again, listen};

/// How long a terminal stays away.
const AWAY: Duration = Duration::from_millis(500);

/// Everything at once, for a long time: single messages, fan-outs, terminals that come and go.
pub(crate) struct Soak {
    pub(crate) terminals: usize,
    pub(crate) hold: Duration,
    /// Single messages a second.
    pub(crate) rate: Rate,
    pub(crate) in_flight: usize,
    /// From one fan-out to the next.
    pub(crate) fan_out_every: Duration,
    /// Terminals that leave a second, and come again.
    pub(crate) reconnects: Rate,
    pub(crate) ttl: u32,
    pub(crate) acks: AckPolicy,
    pub(crate) sample_every: Duration,
}

impl Soak {
    /// The findings, and the faults that are of jobs and audiences.
    pub(crate) async fn run(&self, run: &Run) -> Result<(Findings, Faults), Failure> {
        allow_connections((self.terminals + self.in_flight + 64) as u64)?;
        let mut findings = Findings::default();
        let gathering = Meter::start(run.server)?;
        // The first session of each for single messages, the second for fan-outs: each has an order of its own.
        let (fleet, connected, sessions) = Fleet::gather(run.service.clone(), self.terminals, 2).await?;
        findings.phases.push(gathering.stop("terminals connected", self.terminals as u64)?);
        let (fleet, roster) = (Arc::new(fleet), run.roster(sessions)?);

        let mut server = ApplicationServer::new(run.service.clone());
        let (audience, part) = (audience_of(&roster), self.terminals..2 * self.terminals);
        let recipients = Recipients::new((roster.clone(), part), Arc::new(roster.beside(Vec::new())), []);
        let left_out = recipients.join(&mut server, &audience).await?;
        let batches = recipients.batches(Naming::Audience, &audience, run.size);
        let manner = (run.patience, Presence::Changing);
        let mut notifier = Notifier::new(server, recipients, batches, self.ttl, manner);

        let visitors = Visitors::start(connected, &fleet, &roster, self.acks);
        let counted = roster.clone();
        let sampler = Sampler::start(self.sample_every, run.server, move || counted.arrived());
        let soaking = Meter::start(run.server)?;
        let pace = self.pace(self.rate)?;
        let watched = roster.clone();
        let seconds = self.hold.as_secs();
        let progress = Progress::watch("seconds", seconds, move || watched.now() / 1_000_000);
        let (answers, fanned, ()) = tokio::join!(
            self.push(run, &roster, &pace),
            self.fan_out(&mut notifier),
            visitors.leave_at(self.pace(self.reconnects)?),
        );
        drop(progress);
        fanned?;
        findings.answers = answers;
        Listeners::settle(&roster, run.patience).await;
        findings.phases.push(soaking.stop("messages arrived", roster.arrived())?);
        findings.samples = sampler.stop();
        visitors.end().await;

        let record: Record = notifier.end(Naming::Audience, &audience).await?;
        let mut faults = record.into(&mut findings);
        faults.insert("left_out_members", left_out);
        findings.kept(&pace, roster.at_a_time(self.in_flight).min(self.terminals));
        let (single, many) = roster.sessions.split_at(self.terminals.min(roster.sessions.len()));
        findings.times("due to answer", single, Ledger::answer_times);
        findings.times("due to frame", single, Ledger::arrival_times);
        fanned_out(&mut findings, many);
        findings.judge(&roster, Expectation::Each);
        Ok((findings, faults))
    }

    fn pace(&self, rate: Rate) -> Result<Arc<Pace>, Failure> {
        let bounds = Bounds { count: u64::MAX, at_most: self.hold, rate: Some(rate) };
        Ok(Arc::new(Pace::start(bounds)?))
    }

    /// Single messages, at their rate.
    async fn push(&self, run: &Run, roster: &Arc<Roster>, pace: &Arc<Pace>) -> Answers {
        let manner = Manner { ttl: self.ttl, topics: 0 };
        let count = self.in_flight.clamp(1, self.terminals);
        let senders = connected_senders(&run.service, manner, count).await;
        post_to(senders, roster, self.terminals, pace).await
    }

    /// One fan-out after the other, each at its moment, or when the one before is done.
    async fn fan_out(&self, notifier: &mut Notifier) -> Result<(), Failure> {
        let until = tokio::time::Instant::now() + self.hold;
        let mut moments = tokio::time::interval(self.fan_out_every);
        moments.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while tokio::time::Instant::now() < until {
            tokio::select! {
                _ = moments.tick() => {}
                () = tokio::time::sleep_until(until) => break,
            }
            notifier.round().await?;
        }
        Ok(())
    }
}

/// Terminals that leave when they are told to, and come again.
struct Visitors {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    /// What makes each leave.
    leave: Arc<Mutex<Vec<CancellationToken>>>,
}

impl Visitors {
    fn start(connected: Connected, fleet: &Arc<Fleet>, roster: &Arc<Roster>, acks: AckPolicy) -> Self {
        let stop = CancellationToken::new();
        let leave: Vec<_> = connected.iter().map(|_| stop.child_token()).collect();
        let leave = Arc::new(Mutex::new(leave));
        let mut tasks = JoinSet::new();
        for (index, mut terminal) in connected.into_iter().enumerate() {
            let (fleet, roster, stop, leave) = (fleet.clone(), roster.clone(), stop.clone(), leave.clone());
            tasks.spawn(async move {
                loop {
                    let leaving = stop.child_token();
                    if let Some(place) = locked(&leave).get_mut(index) {
                        *place = leaving.clone();
                    }
                    listen(terminal, index, fleet.clone(), roster.clone(), (acks, Live::Yes), leaving).await;
                    if stop.is_cancelled() {
                        return;
                    }
                    roster.sessions_of(index).for_each(|session| session.ledger().leave_order_unchecked());
                    tokio::time::sleep(AWAY).await;
                    terminal = tokio::select! {
                        again = come_again(index, &fleet, &roster) => again,
                        () = stop.cancelled() => return,
                    };
                }
            });
        }
        Self { tasks, stop, leave }
    }

    /// One after the other leaves, at these moments.
    async fn leave_at(&self, pace: Arc<Pace>) {
        let count = locked(&self.leave).len();
        for index in (0..count).cycle() {
            let Some(mut turn) = pace.next().await else { return };
            turn.begin();
            if let Some(leaving) = locked(&self.leave).get(index) {
                leaving.cancel();
            }
        }
    }

    async fn end(self) {
        // As elsewhere: what comes too often may come a little later.
        tokio::time::sleep(AWAY).await;
        self.stop.cancel();
        self.tasks.join_all().await;
    }
}

fn locked(leave: &Mutex<Vec<CancellationToken>>) -> std::sync::MutexGuard<'_, Vec<CancellationToken>> {
    leave.lock().unwrap_or_else(PoisonError::into_inner)
}
