//! From the command line's words to a scenario, and back for the report.

use std::time::Duration;

use serde_json::{Value, json};

use super::options::{AbsentArgs, Common, FirstArgs, IdleArgs, LatencyArgs, PushArgs, Scenario, Traffic};
use crate::ledger::Faults;
use crate::report::Findings;
use crate::scenario::{Absent, Failure, First, Idle, OneByOne, Push, Run};

impl Scenario {
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Push(args) => &args.common,
            Self::Absent(args) => &args.common,
            Self::Idle(args) => &args.common,
            Self::First(args) => &args.common,
            Self::Latency(args) => &args.common,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Push(_) => "push",
            Self::Absent(_) => "absent",
            Self::Idle(_) => "idle",
            Self::First(_) => "first",
            Self::Latency(_) => "latency",
        }
    }

    /// For the report.
    pub(super) fn parameters(&self) -> Value {
        match self {
            Self::Push(PushArgs { traffic, ttl, .. }) => json!({"traffic": traffic.describe(), "ttl": ttl}),
            Self::Absent(AbsentArgs { traffic, ttl, topics, .. }) => {
                json!({"traffic": traffic.describe(), "ttl": ttl, "topics": topics})
            }
            Self::Idle(IdleArgs { connections, hold, .. }) => {
                json!({"connections": connections, "hold_seconds": hold})
            }
            Self::First(FirstArgs { terminals, in_flight, rate, .. }) => {
                json!({"terminals": terminals, "in_flight": in_flight, "rate": rate})
            }
            Self::Latency(LatencyArgs { messages, ttl, pause, rate, .. }) => {
                let pause = if rate.is_none() { Some(pause) } else { None };
                json!({"messages": messages, "ttl": ttl, "pause_ms": pause, "rate": rate})
            }
        }
    }

    /// What was found, and the faults that are no message's.
    pub(super) async fn run(&self, run: &Run) -> Result<(Findings, Faults), Failure> {
        let found = match self {
            Self::Push(args) => args.scenario().run(run).await?,
            Self::Absent(args) => args.scenario().run(run).await?,
            Self::Idle(args) => {
                let (connections, hold) = (args.connections as usize, Duration::from_secs(args.hold));
                return Idle { connections, hold }.run(run).await;
            }
            Self::First(args) => {
                let (terminals, in_flight, rate) = (args.terminals, args.in_flight as usize, args.rate);
                First { terminals, in_flight, rate }.run(run).await?
            }
            Self::Latency(args) => {
                let LatencyArgs { messages, ttl, rate, .. } = *args;
                let pause = Duration::from_millis(args.pause);
                OneByOne { messages, ttl, pause, rate }.run(run).await?
            }
        };
        Ok((found, Faults::new()))
    }
}

impl PushArgs {
    fn scenario(&self) -> Push {
        let Traffic { terminals, sessions, messages, in_flight, rate, acks } = self.traffic;
        let (terminals, sessions, in_flight) = (terminals as usize, sessions as usize, in_flight as usize);
        Push { terminals, sessions, messages, in_flight, rate, ttl: self.ttl, acks }
    }
}

impl AbsentArgs {
    fn scenario(&self) -> Absent {
        let Traffic { terminals, sessions, messages, in_flight, rate, acks } = self.traffic;
        let (terminals, sessions, in_flight) = (terminals as usize, sessions as usize, in_flight as usize);
        Absent { terminals, sessions, messages, in_flight, rate, ttl: self.ttl, topics: self.topics, acks }
    }
}

impl Traffic {
    fn describe(&self) -> Value {
        json!({
            "terminals": self.terminals, "sessions": self.sessions, "messages": self.messages,
            "in_flight": self.in_flight, "rate": self.rate, "acks": self.acks.to_string()
        })
    }
}
