use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::exchange::exchange;
use super::{Failure, Run};
use crate::body::BodyTemplate;
use crate::ledger::Expectation;
use crate::limits::allow_connections;
use crate::meter::Meter;
use crate::numbers::micros;
use crate::report::Findings;
use crate::roster::{Roster, Session};
use crate::sender::{Answers, Bounds, Manner, Sender, merge};
use crate::service::Service;

/// New terminals, and their way to a first notification.
pub(crate) struct First {
    pub(crate) terminals: u64,
    pub(crate) in_flight: usize,
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
    left: Arc<AtomicU64>,
}

type Walked = Result<(Vec<Way>, Answers), String>;

impl First {
    pub(crate) async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        allow_connections(2 * self.in_flight as u64)?;
        let mut findings = Findings::default();
        let metered = Meter::start(run.server)?;
        let bounds = run.bounds(self.terminals);
        let left = Arc::new(AtomicU64::new(bounds.messages));
        let mut tasks = JoinSet::new();
        for _ in 0..self.in_flight.max(1) {
            let (service, left) = (run.service.clone(), left.clone());
            let walker = Walker { service, size: run.size, patience: run.patience, left };
            tasks.spawn(walker.walk(bounds));
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
        findings.latency("connect to first notification", ways.iter().map(|way| way.all));
        let rosters: Vec<_> = ways.iter().map(|way| &way.roster).collect();
        findings.times_of_all(&rosters);
        for roster in rosters {
            findings.judge(roster, Expectation::Each);
        }
        Ok(findings)
    }
}

impl Walker {
    async fn walk(self, bounds: Bounds) -> Walked {
        let mut sender = Sender::new(self.service.clone(), Manner { ttl: 60, topics: 0 });
        sender.connect().await.map_err(|error| format!("a sender's connection: {error}"))?;
        let mut ways = Vec::new();
        let take = || {
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        };
        while tokio::time::Instant::now() < bounds.until && take() {
            ways.push(self.one(&mut sender).await.map_err(|error| error.to_string())?);
        }
        Ok((ways, sender.into_answers()))
    }

    async fn one(&self, sender: &mut Sender) -> Result<Way, Failure> {
        let began = Instant::now();
        let mut terminal = self.service.connect().await?;
        let connected = Instant::now();
        terminal.hello(None).await?;
        let provisioned = Instant::now();
        let (channel, path) = self.service.register(&mut terminal).await?;
        let registered = Instant::now();
        let roster =
            Roster::new(registered, BodyTemplate::new(self.size)?, vec![Session::new(0, channel, path)]);
        exchange(sender, &mut terminal, (&roster, 0), self.patience).await?;
        let all = micros(began, Instant::now());
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
