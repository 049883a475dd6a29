//! The command line.

mod options;
mod scenarios;

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde::Serialize;
use serde_json::json;

use self::options::{Common, Scenario};
use crate::ledger::Tolerance;
use crate::report::Report;
use crate::scenario::{Failure, Run};
use crate::service::{Sends, Service};

/// Load for a push service, and whether everything arrives.
///
/// Ends with 0 where all is as promised, with 1 where something was not, which the report names, and with 2 where
/// the scenario could not be carried through.
#[derive(Debug, Parser)]
#[command(name = "signalbox-load", version)]
pub struct Cli {
    #[command(subcommand)]
    scenario: Scenario,
}

impl Cli {
    /// Does what the command line says; whether the service kept what it promises.
    ///
    /// # Errors
    /// Why the scenario could not be carried through. The report for machines says it too.
    pub fn run(self) -> Result<bool, Box<dyn Error>> {
        // One thread: it shares the machine with the server, and threads that wake one another cost more than they bring.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let common = self.scenario.common();
        match runtime.block_on(self.report()) {
            Ok(report) => {
                report.write(&mut std::io::stdout().lock())?;
                common.keep(&report)?;
                Ok(report.passed())
            }
            Err(failure) => {
                common.keep(&json!({
                    "scenario": self.scenario.name(), "passed": false, "failure": failure.to_string(),
                    "parameters": self.parameters()
                }))?;
                Err(failure)
            }
        }
    }

    async fn report(&self) -> Result<Report, Failure> {
        let common = self.scenario.common();
        let found = self.scenario.run(&common.run(self.scenario.sends()).await?).await?;
        Ok(Report::new(self.scenario.name(), self.parameters(), found, common.tolerance()))
    }

    fn parameters(&self) -> serde_json::Value {
        let common = self.scenario.common();
        json!({
            "scenario": self.scenario.parameters(), "size": common.size, "at_most_seconds": common.at_most,
            "service": common.service.describe(), "tolerance": common.tolerance()
        })
    }
}

impl Common {
    async fn run(&self, sends: Sends) -> Result<Run, Failure> {
        Ok(Run {
            service: Arc::new(Service::find(&self.service, sends).await?),
            server: self.pid,
            size: self.size as usize,
            at_most: Duration::from_secs(self.at_most),
            patience: Duration::from_secs(self.patience),
        })
    }

    fn tolerance(&self) -> Tolerance {
        Tolerance { once: self.once, refusals: self.allow_refusals }
    }

    /// Writes the report for machines, where one is wanted.
    fn keep(&self, report: &impl Serialize) -> Result<(), Failure> {
        let Some(file) = &self.json else { return Ok(()) };
        let written = fs::write(file, serde_json::to_vec_pretty(report)?);
        Ok(written.map_err(|error| format!("{}: {error}", file.display()))?)
    }
}
