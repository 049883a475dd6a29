//! Simulates a fan-out at the size and by the limits of AWS.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use signalbox_simulate::{Report, Setting, draw, run};

/// A fan-out to an audience, on simulated services and a virtual clock.
#[derive(Parser)]
struct Options {
    /// Where all chance begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many members the audience has.
    #[arg(long, default_value_t = 1_000_000)]
    members: u32,
    /// The template's `FanoutWorkers`.
    #[arg(long, default_value_t = 10)]
    workers: u32,
    /// The template's `FanoutWorkerRate`.
    #[arg(long, default_value = "250")]
    rate: NonZeroU32,
    /// How long the notification may wait, in seconds.
    #[arg(long, default_value_t = 3_600)]
    ttl: u32,
    /// The notification's body in bytes.
    #[arg(long, default_value_t = 200)]
    body: usize,
    /// The template's `WarmReadUnits`.
    #[arg(long, default_value_t = 12_000)]
    warm_reads: u32,
    /// The template's `WarmWriteUnits`.
    #[arg(long, default_value_t = 4_000)]
    warm_writes: u32,
    /// The share of members whose terminals are absent.
    #[arg(long, default_value_t = 0.01)]
    absent: f64,
    /// The share whose connections are closed, which the tables do not know yet.
    #[arg(long, default_value_t = 0.005)]
    gone: f64,
    /// The share whose sessions have ended.
    #[arg(long, default_value_t = 0.002)]
    ended: f64,
    /// The share of the queue's messages that come twice.
    #[arg(long, default_value_t = 0.005)]
    twice: f64,
    /// The share of the workers' runs that end in the middle.
    #[arg(long, default_value_t = 0.0)]
    killed: f64,
    /// For how many seconds the queue of pages hides what it has handed out.
    #[arg(long, default_value_t = 360)]
    visibility: u64,
    /// Writes the report for machines.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Draws the course.
    #[arg(long)]
    svg: Option<PathBuf>,
}

impl Options {
    fn setting(&self) -> Setting {
        Setting {
            seed: self.seed,
            members: self.members,
            workers: self.workers,
            rate: self.rate,
            ttl: self.ttl,
            body: self.body,
            warm_reads: self.warm_reads,
            warm_writes: self.warm_writes,
            absent: self.absent,
            gone: self.gone,
            ended: self.ended,
            twice: self.twice,
            killed: self.killed,
            visibility: Duration::from_secs(self.visibility),
            ..Setting::default()
        }
    }

    fn write(&self, report: &Report) -> std::io::Result<()> {
        if let Some(path) = &self.json {
            std::fs::write(path, report.to_json().to_string() + "\n")?;
        }
        if let Some(path) = &self.svg {
            std::fs::write(path, draw(report))?;
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> ExitCode {
    let options = Options::parse();
    let report = match run(options.setting()).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    #[expect(clippy::print_stdout, reason = "it is what was asked for")]
    {
        println!("{report}");
    }
    if let Err(error) = options.write(&report) {
        eprintln!("a report could not be written: {error}");
        return ExitCode::FAILURE;
    }
    let outcome = report.outcome;
    // With TTL 0 a notification may get lost.
    let kept = outcome.doubled + outcome.wronged == 0 && (outcome.lost == 0 || options.ttl == 0);
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
