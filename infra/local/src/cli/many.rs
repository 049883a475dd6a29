use std::error::Error;
use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use signalbox_wire::{JobAccepted, JobProgress, JobState};
use url::Url;
use uuid::Uuid;

use super::client::{ServerOptions, say};
use super::progress::Shown;
use crate::client::{Broadcast, Sender};

/// So long each look waits for the job's end.
const LOOK: u32 = 1;

/// Where the service is, and who asks.
#[derive(Debug, Args)]
struct ServiceOptions {
    /// The push service: what its endpoints begin with, without `/push/`.
    #[arg(long, env = "SIGNALBOX_SERVICE", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    service: Url,
    #[command(flatten)]
    server: ServerOptions,
}

/// Sending to many at once.
#[derive(Debug, Args)]
pub struct BroadcastOptions {
    /// The text to send, not encrypted: the push service can read it. None wakes and says nothing.
    text: Option<String>,
    /// The sessions: a file with a token or an endpoint on each line; `-` is standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "audience", conflicts_with = "audience")]
    to: Option<PathBuf>,
    /// The audience whose members are to get it.
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// How many seconds it may wait for its terminals.
    #[arg(long, default_value_t = 3600)]
    ttl: u32,
    /// How urgent it is: very-low, low, normal or high.
    #[arg(long)]
    urgency: Option<String>,
    /// Its topic: a newer one replaces an older one that waits.
    #[arg(long)]
    topic: Option<String>,
    /// A name of yours for this: said again with the same name and words it is not sent again.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Follow it until it is done.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    service: ServiceOptions,
}

impl BroadcastOptions {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let sender = self.service.server.sender()?;
        let notification = Broadcast {
            text: self.text,
            ttl: self.ttl,
            urgency: self.urgency,
            topic: self.topic,
            key: self.idempotency_key.unwrap_or_else(|| Uuid::new_v4().to_string()),
        };
        let service = &self.service.service;
        let jobs = match (&self.to, &self.audience) {
            (Some(file), _) => sender.notify_list(service, &notification, &recipients(file)?).await?,
            (None, Some(audience)) => vec![sender.notify_audience(service, &notification, audience).await?],
            (None, None) => Vec::new(),
        };
        for JobAccepted { job, total, refused } in &jobs {
            say(&json!({"job": job, "total": total, "refused": refused}).to_string())?;
        }
        if self.follow {
            for job in &jobs {
                follow(&sender, service, &job.job).await?;
            }
        }
        Ok(())
    }
}

/// The lines that say something.
fn recipients(file: &PathBuf) -> Result<Vec<String>, Box<dyn Error>> {
    let mut text = String::new();
    let at = |error: std::io::Error| format!("{}: {error}", file.display());
    if file.as_os_str() == "-" {
        std::io::stdin().read_to_string(&mut text).map_err(at)?;
    } else {
        text = std::fs::read_to_string(file).map_err(at)?;
    }
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        return Err(format!("{}: there is no token and no endpoint in it", file.display()).into());
    }
    Ok(lines.into_iter().map(ToOwned::to_owned).collect())
}

/// Following a job.
#[derive(Debug, Args)]
pub struct JobsOptions {
    /// The job, as it was named when it was accepted.
    job: String,
    #[command(flatten)]
    service: ServiceOptions,
}

impl JobsOptions {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        follow(&self.service.server.sender()?, &self.service.service, &self.job).await
    }
}

/// Shows how far the job is until it is done, then all that is known of it, in a line of JSON.
async fn follow(sender: &Sender, service: &Url, job: &str) -> Result<(), Box<dyn Error>> {
    let mut shown = Shown::new(std::io::stderr().is_terminal());
    let done: JobProgress = loop {
        let progress = sender.progress(service, job, LOOK).await?;
        shown.show(&progress)?;
        if progress.state == JobState::Done {
            break progress;
        }
    };
    shown.end()?;
    Ok(say(&serde_json::to_string(&done)?)?)
}
