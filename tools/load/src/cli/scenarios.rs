//! From the command line's words to a scenario, and back for the report.

use std::time::Duration;

use serde_json::{Value, json};

use super::options::{
    AbsentArgs, Common, FanoutArgs, FirstArgs, IdleArgs, LatencyArgs, PushArgs, Scenario, SoakArgs,
    StormArgs, Traffic,
};
use crate::ledger::Faults;
use crate::pace::Rate;
use crate::picture;
use crate::report::Findings;
use crate::scenario::{Absent, Failure, FanOut, First, Idle, Naming, OneByOne, Push, Run, Soak, Storm};
use crate::service::Sends;

impl Scenario {
    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Push(args) => &args.common,
            Self::Absent(args) => &args.common,
            Self::Idle(args) => &args.common,
            Self::First(args) => &args.common,
            Self::Latency(args) => &args.common,
            Self::Fanout(args) => &args.common,
            Self::Storm(args) => &args.common,
            Self::Soak(args) => &args.common,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Push(_) => "push",
            Self::Absent(_) => "absent",
            Self::Idle(_) => "idle",
            Self::First(_) => "first",
            Self::Latency(_) => "latency",
            Self::Fanout(_) => "fanout",
            Self::Storm(_) => "storm",
            Self::Soak(_) => "soak",
        }
    }

    /// To whom it sends.
    pub(super) fn sends(&self) -> Sends {
        match self {
            Self::Fanout(_) | Self::Soak(_) => Sends::ToMany,
            _ => Sends::Singly,
        }
    }

    /// For the report.
    pub(super) fn parameters(&self) -> Value {
        match self {
            Self::Push(PushArgs { traffic, ttl, rates, .. }) => {
                json!({"traffic": traffic.describe(), "ttl": ttl, "rates": rates})
            }
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
            Self::Fanout(FanoutArgs {
                terminals, absent, check_absent, rounds, ttl, acks, lists, ..
            }) => {
                json!({
                    "terminals": terminals, "absent": absent, "check_absent": check_absent, "rounds": rounds,
                    "ttl": ttl, "acks": acks.to_string(), "lists": lists
                })
            }
            Self::Storm(StormArgs { terminals, .. }) => json!({"terminals": terminals}),
            Self::Soak(args) => json!({
                "terminals": args.terminals, "hold_seconds": args.hold, "rate": args.rate,
                "in_flight": args.in_flight, "fan_out_every_seconds": args.fan_out_every,
                "reconnects": args.reconnects, "ttl": args.ttl, "acks": args.acks.to_string()
            }),
        }
    }

    /// What was found, and the faults that are no message's.
    pub(super) async fn run(&self, run: &Run) -> Result<(Findings, Faults), Failure> {
        let found = match self {
            Self::Push(args) => args.run(run).await?,
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
            Self::Fanout(args) => return args.scenario().run(run).await,
            Self::Storm(args) => return Storm { terminals: args.terminals as usize }.run(run).await,
            Self::Soak(args) => return args.scenario().run(run).await,
        };
        Ok((found, Faults::new()))
    }
}

impl PushArgs {
    /// Once, or at one rate after the other, which may be drawn.
    async fn run(&self, run: &Run) -> Result<Findings, Failure> {
        let Some(rates) = &self.rates else { return self.scenario(self.traffic.rate).run(run).await };
        let mut findings = Findings::default();
        for rate in rates.iter() {
            findings.step(rate, self.scenario(Some(rate)).run(run).await?);
        }
        if let Some(file) = &self.picture {
            let drawn = std::fs::write(file, picture::of_steps(findings.steps()));
            drawn.map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(findings)
    }

    fn scenario(&self, rate: Option<Rate>) -> Push {
        let Traffic { terminals, sessions, messages, in_flight, acks, .. } = self.traffic;
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

impl FanoutArgs {
    fn scenario(&self) -> FanOut {
        let Self { terminals, absent, check_absent, rounds, ttl, acks, .. } = *self;
        let (terminals, absent) = (terminals as usize, absent as usize);
        let check_absent = (check_absent as usize).min(absent);
        let naming = if self.lists { Naming::Lists } else { Naming::Audience };
        FanOut { terminals, absent, check_absent, rounds, ttl, acks, naming }
    }
}

impl SoakArgs {
    fn scenario(&self) -> Soak {
        let Self { rate, reconnects, ttl, acks, .. } = *self;
        let (terminals, in_flight) = (self.terminals as usize, self.in_flight as usize);
        let [hold, fan_out_every, sample_every] =
            [self.hold, self.fan_out_every, self.sample_every].map(Duration::from_secs);
        Soak { terminals, hold, rate, in_flight, fan_out_every, reconnects, ttl, acks, sample_every }
    }
}
