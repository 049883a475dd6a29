//! What may be said on the command line.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::pace::{Rate, Rates};
use crate::service::ServiceOptions;
use crate::terminal::AckPolicy;

#[derive(Debug, Subcommand)]
pub(super) enum Scenario {
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
    /// Notify many by one request: terminals that are connected, and others that are away.
    Fanout(FanoutArgs),
    /// All terminals connect and say hello at once, as new ones and as known ones.
    Storm(StormArgs),
    /// Everything at once for a long time: single messages, fan-outs, terminals that leave and come again.
    Soak(SoakArgs),
}

#[derive(Debug, Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) service: ServiceOptions,
    /// The server's process, to measure its CPU time and memory.
    #[arg(long)]
    pub(super) pid: Option<u32>,
    /// Where to write the report for machines.
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// The bytes of a message's body; 105 at least.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(105..=64_000))]
    pub(super) size: u32,
    /// The seconds after which no message is posted any more.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) at_most: u64,
    /// The seconds that are waited while nothing comes of what is owed.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(super) patience: u64,
    /// Each message comes once: what comes again is a fault, under the same version too.
    #[arg(long)]
    pub(super) once: bool,
    /// A post that is refused, or not answered, is no fault: for a service beyond what it can do.
    #[arg(long)]
    pub(super) allow_refusals: bool,
}

#[derive(Debug, Args)]
pub(super) struct Traffic {
    /// How many terminals.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) terminals: u32,
    /// How many sessions each terminal has.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) sessions: u32,
    /// How many messages are posted, over all sessions.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=50_000_000))]
    pub(super) messages: u64,
    /// How many posts are under way at a time, at most one for each session.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) in_flight: u32,
    /// Post so many messages a second, whether those before are answered or not: an open loop.
    #[arg(long, value_name = "NUMBER")]
    pub(super) rate: Option<Rate>,
    /// When terminals acknowledge: `every` notification by itself, `never`, or the size of a batch.
    #[arg(long, default_value = "every")]
    pub(super) acks: AckPolicy,
}

#[derive(Debug, Args)]
pub(super) struct PushArgs {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) traffic: Traffic,
    /// The seconds that a message may wait; with 0 it may get lost, but not come twice.
    #[arg(long, default_value_t = 60)]
    pub(super) ttl: u32,
    /// Run at each of these rates, as 500,1000,2000 or 500..4000:500.
    #[arg(long, value_name = "NUMBERS", conflicts_with = "rate")]
    pub(super) rates: Option<Rates>,
    /// Where to draw the times at each of the rates, as SVG.
    #[arg(long, value_name = "FILE", requires = "rates")]
    pub(super) picture: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct AbsentArgs {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(flatten)]
    pub(super) traffic: Traffic,
    /// The seconds that a message may wait; with 0 none may arrive.
    #[arg(long, default_value_t = 3600)]
    pub(super) ttl: u32,
    /// So many topics take turns in each session, and only the last of each must arrive. 0: no topics.
    #[arg(long, default_value_t = 0)]
    pub(super) topics: u64,
}

#[derive(Debug, Args)]
pub(super) struct IdleArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many connections.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) connections: u32,
    /// The seconds that they are held.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) hold: u64,
}

#[derive(Debug, Args)]
pub(super) struct FirstArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many terminals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) terminals: u64,
    /// So many come a second, whether those before have got through or not: an open loop.
    #[arg(long, value_name = "NUMBER")]
    pub(super) rate: Option<Rate>,
    /// How many are under way at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) in_flight: u32,
}

#[derive(Debug, Args)]
pub(super) struct LatencyArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many messages.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(super) messages: u64,
    /// The seconds that a message may wait.
    #[arg(long, default_value_t = 60)]
    pub(super) ttl: u32,
    /// So many messages a second, at moments of their own: an open loop.
    #[arg(long, value_name = "NUMBER", conflicts_with = "pause")]
    pub(super) rate: Option<Rate>,
    /// Milliseconds between two messages.
    #[arg(long, default_value_t = 5)]
    pub(super) pause: u64,
}

#[derive(Debug, Args)]
pub(super) struct FanoutArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many terminals are connected.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) terminals: u32,
    /// How many more have a session and are away.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(super) absent: u32,
    /// So many of those come again at the end, and must find what was sent.
    #[arg(long, default_value_t = 100)]
    pub(super) check_absent: u32,
    /// How many notifications all get, one after the other.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(super) rounds: u64,
    /// The seconds that a message may wait; with 0 it may get lost, but not come twice, nor to who is away.
    #[arg(long, default_value_t = 60)]
    pub(super) ttl: u32,
    /// When terminals acknowledge: `every` notification by itself, `never`, or the size of a batch.
    #[arg(long, default_value = "25")]
    pub(super) acks: AckPolicy,
    /// Name the recipients in each request, and not as members of an audience.
    #[arg(long)]
    pub(super) lists: bool,
}

#[derive(Debug, Args)]
pub(super) struct StormArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many terminals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) terminals: u32,
}

#[derive(Debug, Args)]
pub(super) struct SoakArgs {
    #[command(flatten)]
    pub(super) common: Common,
    /// How many terminals.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) terminals: u32,
    /// For how many seconds.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    pub(super) hold: u64,
    /// How many single messages a second.
    #[arg(long, default_value = "100", value_name = "NUMBER")]
    pub(super) rate: Rate,
    /// How many of them are under way at a time, at most one for each terminal.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) in_flight: u32,
    /// The seconds from one fan-out to the next.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) fan_out_every: u64,
    /// How many terminals leave a second, and come again.
    #[arg(long, default_value = "1", value_name = "NUMBER")]
    pub(super) reconnects: Rate,
    /// The seconds that a message may wait.
    #[arg(long, default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) ttl: u32,
    /// When terminals acknowledge: `every` notification by itself, `never`, or the size of a batch.
    #[arg(long, default_value = "every")]
    pub(super) acks: AckPolicy,
    /// The seconds from one sample of memory and CPU time to the next.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) sample_every: u64,
}
