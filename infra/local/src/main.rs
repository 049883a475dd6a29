//! The program `signalbox`.

use std::process::ExitCode;

use clap::Parser as _;
use signalbox::cli::Cli;

/// The clients of AWS make many small things for each call, and drop them on another thread as often as not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signalbox: {error}");
            ExitCode::FAILURE
        }
    }
}
