//! Measures how soon the functions answer after their process has begun, beside a function that does nothing and one that
//! does nothing but read an item at start: the binaries as they are deployed, over a stub of Lambda's Runtime API and of AWS on
//! this machine, without a network. Rounds take turns, so that all are measured under the same conditions.

mod measure;
mod report;
mod stub;
mod subject;

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use clap::Parser;
use signalbox_local_aws::{DynamoWire, LocalQueue, QueueOptions, config};
use signalbox_store::{KeepAliveTable, TableNames};
use tokio::net::TcpListener;

use measure::Bench;
use report::Report;
use stub::Stub;
use subject::{EMPTY, FUNCTIONS, KEEP_ALIVE, ONE_READ, Subject};

/// How soon the functions answer after their process has begun, beside an empty one.
#[derive(Debug, Parser)]
struct Options {
    /// Where the binaries are: the functions', `empty`, and `one-read`.
    #[arg(long, default_value = "target/release")]
    functions: PathBuf,
    /// Which functions are measured beside these two; all where none is named.
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = FUNCTIONS.map(|one| one.name))]
    only: Vec<String>,
    /// How often each function lives.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// How many events each life sees behind its first.
    #[arg(long, default_value_t = 50)]
    warm: usize,
    /// Where to write the report for machines.
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    fn subjects(&self) -> impl Iterator<Item = Subject> {
        let wanted =
            |subject: &Subject| self.only.is_empty() || self.only.iter().any(|one| one == subject.name);
        FUNCTIONS.into_iter().filter(wanted)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let (dynamo, _engine, _sweeper) = DynamoWire::memory()?;
    let tables = TableNames {
        terminals: "terminals".to_owned(),
        messages: "messages".to_owned(),
        connections: "connections".to_owned(),
        fanout: "fanout".to_owned(),
        applications: "applications".to_owned(),
    };
    let client = Client::new(&config(dynamo.clone()));
    tables.create(&client).await?;
    KeepAliveTable::new(client, KEEP_ALIVE.to_owned()).create().await?;
    let as_deployed = |seconds| QueueOptions { visibility: Duration::from_secs(seconds), receptions: 5 };
    let drains = LocalQueue::open(dynamo.clone(), "drains", as_deployed(180)).await?;
    let pages = LocalQueue::open(dynamo.clone(), "pages", as_deployed(360)).await?;
    let ring = r#"{"encrypt":"1","1":"a secret that is long enough, of this run alone"}"#;
    let (stub, steps) = Stub::new(dynamo, vec![drains, pages], ring.to_owned());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(axum::serve(listener, stub.router()).into_future());

    let mut bench = Bench { folder: &options.functions, stub: &stub, address, steps, warm: options.warm };
    let mut lives: Vec<(Subject, Vec<_>)> = [EMPTY, ONE_READ]
        .into_iter()
        .chain(options.subjects())
        .map(|subject| (subject, Vec::new()))
        .collect();
    for _ in 0..options.rounds {
        for (subject, lives) in &mut lives {
            lives.push(bench.live(subject).await?);
        }
    }
    serving.abort();
    let report = Report::of(&options.functions, &lives)?;
    print(&report);
    if let Some(file) = options.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)?)?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report is what this program is for")]
fn print(report: &Report) {
    print!("{report}");
}
