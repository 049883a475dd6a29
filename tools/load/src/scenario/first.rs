use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::exchange::exchange;
use super::{Failure, Run};
use crate::body::BodyTemplate;
use crate::ledger::Expectation;
use crate::limits::allow_connections;
use crate::meter::Meter;
use crate::numbers::micros;
use crate::pace::{Pace, Rate, Turn};
use crate::progress::Progress;
use crate::report::{Findings, Since};
use crate::roster::{Roster, Session};
use crate::sender::{Answers, Manner, Sender, connected_senders, merge};
use crate::service::Service;

/// New terminals, and their way to a first notification.
pub(crate) struct First {
    pub(crate) terminals: u64,
    pub(crate) in_flight: usize,
    /// At which rate they come, in an open loop.
    pub(crate) rate: Option<Rate>,
}

/// How long the steps of one terminal took, in microseconds, and what came of its message.
struct Way {
    connect: u64,
    hello: u64,
    register: u64,
    all: u64,
    roster: Roster,
}

/// What the terminals of one task share.
struct Walker {
    service: Arc<Service>,
    size: usize,
    patience: Duration,
    pace: Arc<Pace>,
    progress: Arc<Progress>,
}

type Walked = Result<(Vec<Way>, Answers), String>;

impl First {
    pub(crate) async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        allow_connections(2 * self.in_flight as u64)?;
        let mut findings = Findings::default();
        let metered = Meter::start(run.server)?;
        let manner = Manner { ttl: 60, topics: 0 };
        let senders = connected_senders(&run.service, manner, self.in_flight.max(1)).await;
        let at_a_time = senders.len();
        let pace = run.pace(self.terminals, self.rate)?;
        let progress = Arc::new(Progress::new("terminals with a first notification", self.terminals));
        let mut tasks = JoinSet::new();
        for sender in senders {
            let (service, pace) = (run.service.clone(), pace.clone());
            let (size, patience, progress) = (run.size, run.patience, progress.clone());
            let walker = Walker { service, size, patience, pace, progress };
            tasks.spawn(walker.walk(sender));
        }
        let mut ways = Vec::new();
        for walked in tasks.join_all().await {
            let (some, answers) = walked?;
            ways.extend(some);
            merge(&mut findings.answers, answers);
        }
        findings.phases.push(metered.stop("terminals with a first notification", ways.len() as u64)?);

        findings.latency("connect", ways.iter().map(|way| way.connect));
        findings.latency("hello", ways.iter().map(|way| way.hello));
        findings.latency("register", ways.iter().map(|way| way.register));
        let all = Since::of(self.rate).until("connect to first notification", "due to first notification");
        findings.latency(all, ways.iter().map(|way| way.all));
        findings.kept(&pace, at_a_time);
        let rosters: Vec<_> = ways.iter().map(|way| &way.roster).collect();
        // What is due is a terminal's whole way; its message is posted when the terminal has come so far.
        findings.answer_times(&rosters, Since::Post);
        findings.arrival_times(&rosters, Since::Post);
        for roster in rosters {
            findings.judge(roster, Expectation::Each);
        }
        Ok(findings)
    }
}

impl Walker {
    async fn walk(self, mut sender: Sender) -> Walked {
        let mut ways = Vec::new();
        while let Some(turn) = self.pace.next().await {
            ways.push(self.one(&mut sender, turn).await.map_err(|error| error.to_string())?);
            self.progress.add();
        }
        Ok((ways, sender.into_answers()))
    }

    async fn one(&self, sender: &mut Sender, mut turn: Turn<'_>) -> Result<Way, Failure> {
        let due = turn.begin();
        let began = Instant::now();
        let mut terminal = self.service.connect().await?;
        let connected = Instant::now();
        terminal.hello(None).await?;
        let provisioned = Instant::now();
        let (channel, path) = self.service.register(&mut terminal).await?;
        let registered = Instant::now();
        let roster =
            Roster::new(registered, BodyTemplate::new(self.size)?, vec![Session::new(0, channel, path)]);
        exchange(sender, &mut terminal, (&roster, 0), &mut Turn::at_once(), self.patience).await?;
        let all = micros(due, Instant::now());
        terminal.close().await;
        Ok(Way {
            connect: micros(began, connected),
            hello: micros(connected, provisioned),
            register: micros(provisioned, registered),
            all,
            roster,
        })
    }
}
