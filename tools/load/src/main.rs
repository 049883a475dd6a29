//! The program `signalbox-load`.

use std::process::ExitCode;

use clap::Parser as _;
use signalbox_load::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(true) => ExitCode::SUCCESS,
        // The report has said what was lost, doubled or out of order.
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("signalbox-load: {error}");
            ExitCode::from(2)
        }
    }
}
