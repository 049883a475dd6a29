//! One notification to many: terminals that are there, and others that are not.

mod recipients;
mod record;
mod round;

use std::sync::Arc;

use super::listeners::Listeners;
use super::{Failure, Run};
use crate::application_server::ApplicationServer;
use crate::fleet::{Fleet, Visitor, visit};
use crate::ledger::{Expectation, Faults, Ledger};
use crate::limits::allow_connections;
use crate::meter::Meter;
use crate::progress::Progress;
use crate::report::Findings;
use crate::roster::{Roster, Session};
use crate::terminal::{AckPolicy, Live};

pub(crate) use recipients::{Naming, Recipients};
pub(crate) use record::{FanOuts, Record};
pub(crate) use round::{Notifier, Presence};

/// As many connections as there are beside the terminals': of senders, and of terminals that come and go.
const BESIDE: usize = 64;

/// Fan-outs, one after the other.
pub(crate) struct FanOut {
    /// Who is there.
    pub(crate) terminals: usize,
    /// Who has come before, and left.
    pub(crate) absent: usize,
    /// Of those, who comes again at the end, and is asked what has come.
    pub(crate) check_absent: usize,
    pub(crate) rounds: u64,
    pub(crate) ttl: u32,
    pub(crate) acks: AckPolicy,
    pub(crate) naming: Naming,
}

/// Who is away, and some of them to be looked at.
struct Away {
    fleet: Arc<Fleet>,
    roster: Arc<Roster>,
    /// The tokens of all others.
    others: Vec<String>,
}

impl FanOut {
    /// The findings, and the faults that are of jobs and audiences.
    pub(crate) async fn run(&self, run: &Run) -> Result<(Findings, Faults), Failure> {
        allow_connections((self.terminals + BESIDE) as u64)?;
        let mut findings = Findings::default();
        let visiting = Meter::start(run.server)?;
        let visitors = visit(&run.service, self.absent).await?;
        if self.absent > 0 {
            findings.phases.push(visiting.stop("absent terminals registered", self.absent as u64)?);
        }
        let gathering = Meter::start(run.server)?;
        let (fleet, connected, sessions) = Fleet::gather(run.service.clone(), self.terminals, 1).await?;
        findings.phases.push(gathering.stop("terminals connected", self.terminals as u64)?);
        let (fleet, roster) = (Arc::new(fleet), run.roster(sessions)?);
        let away = self.away(run, &roster, visitors);
        let listeners = Listeners::start(connected, &fleet, &roster, (self.acks, Live::Yes));

        let all = 0..roster.sessions.len();
        let recipients = Recipients::new((roster.clone(), all), away.roster.clone(), away.others);
        let mut server = ApplicationServer::new(run.service.clone());
        let audience = audience_of(&roster);
        let left_out = match self.naming {
            Naming::Audience => {
                let joining = Meter::start(run.server)?;
                let left_out = recipients.join(&mut server, &audience).await?;
                findings.phases.push(joining.stop("members added", recipients.len() as u64 - left_out)?);
                left_out
            }
            Naming::Lists => 0,
        };
        let batches = recipients.batches(self.naming, &audience, run.size);
        let manner = (run.patience, Presence::Constant);
        let mut notifier = Notifier::new(server, recipients, batches, self.ttl, manner);
        let notifying = Meter::start(run.server)?;
        self.rounds(run, &roster, &mut notifier).await?;
        findings.phases.push(notifying.stop("fan-outs delivered", roster.arrived())?);
        listeners.end().await;

        if self.check_absent > 0 {
            let draining = Meter::start(run.server)?;
            self.ask(run, &away.fleet, &away.roster).await?;
            findings.phases.push(draining.stop("messages drained", away.roster.arrived())?);
        }
        let record = notifier.end(self.naming, &audience).await?;
        let mut faults = record.into(&mut findings);
        faults.insert("left_out_members", left_out);
        fanned_out(&mut findings, &roster.sessions);
        findings.judge(&roster, if self.ttl == 0 { Expectation::Any } else { Expectation::Each });
        findings.judge(&away.roster, self.expected_of_absent());
        Ok((findings, faults))
    }

    fn away(&self, run: &Run, roster: &Roster, visitors: Vec<Visitor>) -> Away {
        let (mut names, mut sessions, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (index, visitor) in visitors.into_iter().enumerate() {
            if index < self.check_absent {
                names.push(visitor.name);
                sessions.push(Session::new(index, visitor.channel, visitor.path));
            } else {
                others.push(recipients::token(&visitor.path));
            }
        }
        let fleet = Arc::new(Fleet::known(run.service.clone(), names));
        Away { fleet, roster: Arc::new(roster.beside(sessions)), others }
    }

    async fn rounds(&self, run: &Run, roster: &Arc<Roster>, notifier: &mut Notifier) -> Result<(), Failure> {
        let pace = run.pace(self.rounds, None)?;
        let _progress = {
            let roster = roster.clone();
            let owed = self.rounds * self.terminals as u64;
            Progress::watch("fan-outs delivered", owed, move || roster.arrived())
        };
        while pace.next().await.is_some() {
            notifier.round().await?;
        }
        Ok(())
    }

    /// Some of those who were away come again, and take what there is.
    async fn ask(&self, run: &Run, fleet: &Arc<Fleet>, roster: &Arc<Roster>) -> Result<(), Failure> {
        let connected = fleet.gather_again(roster).await?;
        let listeners = Listeners::start(connected, fleet, roster, (self.acks, Live::No));
        if self.ttl > 0 {
            Listeners::settle(roster, run.patience).await;
        }
        listeners.end().await;
        Ok(())
    }

    fn expected_of_absent(&self) -> Expectation {
        if self.ttl == 0 { Expectation::None } else { Expectation::Each }
    }
}

/// Takes up how long the notifications took to each of these sessions.
pub(crate) fn fanned_out(findings: &mut Findings, sessions: &[Session]) {
    findings.times("fan-out to frame", sessions, Ledger::arrival_times);
    findings.times("fan-out's answer to frame", sessions, Ledger::delivery_times);
}

/// What a run calls its audience: nobody else's.
pub(crate) fn audience_of(roster: &Roster) -> String {
    format!("load-{:08x}", roster.run)
}
