//! The program `signalbox`.

use std::process::ExitCode;

use clap::Parser as _;
use signalbox::cli::Cli;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signalbox: {error}");
            ExitCode::FAILURE
        }
    }
}
