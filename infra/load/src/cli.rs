//! The command line.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::report::{Findings, Report};
use crate::scenario::{Absent, Failure, First, Idle, OneByOne, Push, Run};
use crate::service::{Service, ServiceOptions};
use crate::terminal::AckPolicy;

/// Load for a push service, and whether everything arrives.
///
/// Ends with 0 where all is as promised, with 1 where something was lost, doubled, out of order or not held, and with 2
/// where the scenario could not be carried through.
#[derive(Debug, Parser)]
#[command(name = "signalbox-load", version)]
pub struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

#[derive(Debug, Subcommand)]
enum Scenario {
    /// Post to terminals that are connected.
    Push(PushArgs),
    /// Post to terminals that are away; they come again and take everything.
    Absent(AbsentArgs),
    /// Hold connections.
    Idle(IdleArgs),
    /// New terminals: connect, hello, register, and a first notification.
    First(FirstArgs),
    /// Post one message at a time, on a service that has nothing else to do.
    Latency(LatencyArgs),
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    service: ServiceOptions,
    /// The server's process, to measure its CPU time and memory.
    #[arg(long)]
    pid: Option<u32>,
    /// Where to write the report for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The bytes of a message's body; 105 at least.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(105..=64_000))]
    size: u32,
    /// The seconds after which no message is posted any more.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    at_most: u64,
    /// The seconds that are waited while nothing comes of what is owed.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    patience: u64,
}

#[derive(Debug, Args)]
struct Traffic {
    /// How many terminals.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    terminals: u32,
    /// How many sessions each terminal has.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    sessions: u32,
    /// How many messages are posted, over all sessions.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    messages: u64,
    /// How many posts are under way at a time, at most one for each session.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    in_flight: u32,
    /// When terminals acknowledge: `every` notification by itself, `never`, or the size of a batch.
    #[arg(long, default_value = "every")]
    acks: AckPolicy,
}

#[derive(Debug, Args)]
struct PushArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    traffic: Traffic,
    /// The seconds that a message may wait; with 0 it may get lost, but not come twice.
    #[arg(long, default_value_t = 60)]
    ttl: u32,
}

#[derive(Debug, Args)]
struct AbsentArgs {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    traffic: Traffic,
    /// The seconds that a message may wait; with 0 none may arrive.
    #[arg(long, default_value_t = 3600)]
    ttl: u32,
    /// So many topics take turns in each session, and only the last of each must arrive. 0: no topics.
    #[arg(long, default_value_t = 0)]
    topics: u64,
}

#[derive(Debug, Args)]
struct IdleArgs {
    #[command(flatten)]
    common: Common,
    /// How many connections.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    connections: u32,
    /// The seconds that they are held.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    hold: u64,
}

#[derive(Debug, Args)]
struct FirstArgs {
    #[command(flatten)]
    common: Common,
    /// How many terminals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    terminals: u64,
    /// How many are under way at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    in_flight: u32,
}

#[derive(Debug, Args)]
struct LatencyArgs {
    #[command(flatten)]
    common: Common,
    /// How many messages.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    messages: u64,
    /// The seconds that a message may wait.
    #[arg(long, default_value_t = 60)]
    ttl: u32,
    /// Milliseconds between two messages.
    #[arg(long, default_value_t = 5)]
    pause: u64,
}

impl Cli {
    /// Does what the command line says; whether the service kept what it promises.
    ///
    /// # Errors
    /// Why the scenario could not be carried through.
    pub fn run(self) -> Result<bool, Box<dyn Error>> {
        // One thread: it shares the machine with the server, and threads that wake one another cost more than they bring.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let common = self.scenario.common();
        let json = common.json.clone();
        let report = runtime.block_on(async {
            let run = common.run().await?;
            self.scenario.report(&run).await
        })?;
        report.write(&mut std::io::stdout().lock())?;
        if let Some(file) = json {
            std::fs::write(&file, serde_json::to_vec_pretty(&report)?)
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(report.passed())
    }
}

impl Common {
    async fn run(&self) -> Result<Run, Failure> {
        Ok(Run {
            service: Arc::new(Service::find(&self.service).await?),
            server: self.pid,
            size: self.size as usize,
            at_most: Duration::from_secs(self.at_most),
            patience: Duration::from_secs(self.patience),
        })
    }
}

impl Scenario {
    fn common(&self) -> &Common {
        match self {
            Self::Push(args) => &args.common,
            Self::Absent(args) => &args.common,
            Self::Idle(args) => &args.common,
            Self::First(args) => &args.common,
            Self::Latency(args) => &args.common,
        }
    }

    async fn report(&self, run: &Run) -> Result<Report, Failure> {
        let (name, own, (findings, held)) = match self {
            Self::Push(args) => ("push", args.parameters(), (args.run(run).await?, true)),
            Self::Absent(args) => ("absent", args.parameters(), (args.run(run).await?, true)),
            Self::Idle(args) => {
                let (connections, hold) = (args.connections as usize, Duration::from_secs(args.hold));
                let own = json!({"connections": args.connections, "hold_seconds": args.hold});
                ("idle", own, Idle { connections, hold }.run(run).await?)
            }
            Self::First(args) => {
                let first = First { terminals: args.terminals, in_flight: args.in_flight as usize };
                let own = json!({"terminals": args.terminals, "in_flight": args.in_flight});
                ("first", own, (first.run(run).await?, true))
            }
            Self::Latency(args) => {
                let pause = Duration::from_millis(args.pause);
                let one_by_one = OneByOne { messages: args.messages, ttl: args.ttl, pause };
                let own = json!({"messages": args.messages, "ttl": args.ttl, "pause_ms": args.pause});
                ("latency", own, (one_by_one.run(run).await?, true))
            }
        };
        let common = self.common();
        let parameters = json!({
            "scenario": own, "size": common.size, "at_most_seconds": common.at_most, "service": common.service.describe()
        });
        Ok(Report::new(name, parameters, held, findings))
    }
}

impl PushArgs {
    fn parameters(&self) -> serde_json::Value {
        json!({"traffic": self.traffic.describe(), "ttl": self.ttl})
    }

    async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        let Traffic { terminals, sessions, messages, in_flight, acks } = self.traffic;
        let (terminals, sessions, in_flight) = (terminals as usize, sessions as usize, in_flight as usize);
        Push { terminals, sessions, messages, in_flight, ttl: self.ttl, acks }.run(run).await
    }
}

impl AbsentArgs {
    fn parameters(&self) -> serde_json::Value {
        json!({"traffic": self.traffic.describe(), "ttl": self.ttl, "topics": self.topics})
    }

    async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        let Traffic { terminals, sessions, messages, in_flight, acks } = self.traffic;
        let (terminals, sessions, in_flight) = (terminals as usize, sessions as usize, in_flight as usize);
        let (ttl, topics) = (self.ttl, self.topics);
        Absent { terminals, sessions, messages, in_flight, ttl, topics, acks }.run(run).await
    }
}

impl Traffic {
    fn describe(&self) -> serde_json::Value {
        json!({
            "terminals": self.terminals, "sessions": self.sessions, "messages": self.messages,
            "in_flight": self.in_flight, "acks": self.acks.to_string()
        })
    }
}
