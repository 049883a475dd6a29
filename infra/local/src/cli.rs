//! The command line.

mod applications;
mod client;
mod many;
mod progress;
mod serve;

use std::error::Error;

use clap::{Args, Parser, Subcommand};

pub use applications::ApplicationOptions;
pub use client::{PushOptions, SenderOptions, ServerOptions, TerminalOptions, ValidateOptions};
pub use many::{BroadcastOptions, JobsOptions};
pub use serve::ServeOptions;

/// A push-notification service that you run yourself.
///
/// Without a command it serves.
#[derive(Debug, Parser)]
#[command(name = "signalbox", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeOptions,
    #[command(flatten)]
    log: LogOptions,
}

#[derive(Debug, Args)]
struct LogOptions {
    /// What to log to standard error: a level, or levels by module (`info,signalbox_store=debug`).
    #[arg(long, global = true, env = "SIGNALBOX_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the push service (the default).
    Serve(ServeOptions),
    /// Be a terminal with one application: keep its identity in a file, print what arrives, acknowledge it.
    Terminal(TerminalOptions),
    /// Validate a token as an application server.
    Validate(ValidateOptions),
    /// Send a notification as an application server, encrypted and signed.
    Push(PushOptions),
    /// Send a notification to many at once as an application server, not encrypted: to a list, or to an audience.
    Broadcast(BroadcastOptions),
    /// Follow what was sent to many until it is done: what became of it, and which tokens are dead.
    Jobs(JobsOptions),
    /// Keep the registry of applications, as the service's operator.
    Application(ApplicationOptions),
}

impl Cli {
    /// Does what the command line says.
    ///
    /// # Errors
    /// What went wrong, in a sentence.
    pub fn run(self) -> Result<(), Box<dyn Error>> {
        signalbox_startup::init_telemetry(Some(&self.log.log));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let done = runtime.block_on(async {
            match self.command.unwrap_or(Command::Serve(self.serve)) {
                Command::Serve(options) => options.run().await,
                Command::Terminal(options) => options.run().await,
                Command::Validate(options) => options.run().await,
                Command::Push(options) => options.run().await,
                Command::Broadcast(options) => options.run().await,
                Command::Jobs(options) => options.run().await,
                Command::Application(options) => options.run().await,
            }
        });
        // A thread that is blocked on a terminal's input must not hold up the end.
        runtime.shutdown_background();
        done
    }
}
