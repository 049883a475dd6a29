use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::stub::{Step, Stub};
use crate::subject::Subject;

/// A function that does nothing for so long has hung.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a function could not be measured.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMeasured {
    /// It could not be started.
    #[error("{path} could not be started: {error} (build it first, with the profile that is to be measured)")]
    NotStarted {
        /// The binary.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// It ended, said that it failed, or did nothing.
    #[error("{name} {what}")]
    Wrong {
        /// Which.
        name: &'static str,
        /// What it did.
        what: &'static str,
    },
    /// What the system says of it could not be read.
    #[error("the memory of {name} could not be read: {error}")]
    Unread {
        /// Which.
        name: &'static str,
        /// Why not.
        error: std::io::Error,
    },
}

/// One life of a function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    /// From the start of the process until it asks for its first event.
    pub(crate) ready: Duration,
    /// From the start of the process until its first answer is there.
    pub(crate) first: Duration,
    /// From an event until its answer, later: the middle of all.
    pub(crate) warm: Duration,
    /// The most memory that it held, in KiB.
    pub(crate) memory: u64,
}

/// Runs functions, one at a time.
pub(crate) struct Bench<'b> {
    /// Where the binaries are.
    pub(crate) folder: &'b Path,
    /// What plays Lambda and AWS.
    pub(crate) stub: &'b Stub,
    /// Where that listens.
    pub(crate) address: SocketAddr,
    /// What happens there.
    pub(crate) steps: UnboundedReceiver<Step>,
    /// How many events each life sees behind its first.
    pub(crate) warm: usize,
}

impl Bench<'_> {
    /// Lets a function live once.
    ///
    /// # Errors
    /// [`NotMeasured`].
    pub(crate) async fn live(&mut self, subject: &Subject) -> Result<Life, NotMeasured> {
        self.stub.prepare(Bytes::from_static(subject.event()));
        while self.steps.try_recv().is_ok() {}
        self.stub.hand_out();
        let started = Instant::now();
        let mut process = self.start(subject)?;
        let ready = self.asked(subject, &mut process).await? - started;
        let first = self.answered(subject, &mut process).await? - started;
        let mut warm = Vec::with_capacity(self.warm);
        for _ in 0..self.warm {
            self.asked(subject, &mut process).await?;
            let handed_out = Instant::now();
            self.stub.hand_out();
            warm.push(self.answered(subject, &mut process).await? - handed_out);
        }
        warm.sort_unstable();
        let memory = process
            .id()
            .map_or(Ok(0), peak)
            .map_err(|error| NotMeasured::Unread { name: subject.name, error })?;
        // It is killed as it is dropped; the next one must not share the processor with it.
        let _ = process.kill().await;
        Ok(Life { ready, first, warm: warm.get(warm.len() / 2).copied().unwrap_or_default(), memory })
    }

    fn start(&self, subject: &Subject) -> Result<Child, NotMeasured> {
        let path = subject.binary(self.folder);
        let here = format!("http://{}", self.address);
        // What Lambda and the template set, and nothing of this machine's.
        Command::new(&path)
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", self.address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", subject.name)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", "/signalbox")
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "here")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "here")
            .env("AWS_SECRET_ACCESS_KEY", "here")
            .env("AWS_ENDPOINT_URL", &here)
            .env("SIGNALBOX_TABLE_TERMINALS", "terminals")
            .env("SIGNALBOX_TABLE_MESSAGES", "messages")
            .env("SIGNALBOX_TABLE_CONNECTIONS", "connections")
            .env("SIGNALBOX_TABLE_FANOUT", "fanout")
            .env("SIGNALBOX_TABLE_APPLICATIONS", "applications")
            .env("SIGNALBOX_KEY_RING", "key-ring")
            .env("SIGNALBOX_DRAINS_URL", format!("{here}/drains"))
            .env("SIGNALBOX_PAGES_URL", format!("{here}/pages"))
            .env("SIGNALBOX_PUBLIC_URL", "https://push.example")
            .env("SIGNALBOX_CONNECTIONS_URL", &here)
            .env("SIGNALBOX_METRICS", "Signalbox/signalbox")
            .env("SIGNALBOX_LOG", "warn")
            .envs(subject.variables().iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| NotMeasured::NotStarted { path: path.display().to_string(), error })
    }

    async fn asked(&mut self, subject: &Subject, process: &mut Child) -> Result<Instant, NotMeasured> {
        match self.step(subject, process).await? {
            Step::Asked(at) => Ok(at),
            _ => Err(NotMeasured::Wrong { name: subject.name, what: "answered without being asked" }),
        }
    }

    async fn answered(&mut self, subject: &Subject, process: &mut Child) -> Result<Instant, NotMeasured> {
        match self.step(subject, process).await? {
            Step::Answered(at) => Ok(at),
            _ => Err(NotMeasured::Wrong {
                name: subject.name,
                what: "asked for an event instead of answering",
            }),
        }
    }

    async fn step(&mut self, subject: &Subject, process: &mut Child) -> Result<Step, NotMeasured> {
        let wrong = |what| Err(NotMeasured::Wrong { name: subject.name, what });
        tokio::select! {
            step = tokio::time::timeout(PATIENCE, self.steps.recv()) => match step {
                Ok(Some(Step::Failed) | None) => wrong("failed; its standard error says why"),
                Ok(Some(step)) => Ok(step),
                Err(_) => wrong("did nothing for 20 s"),
            },
            _ = process.wait() => wrong("ended"),
        }
    }
}

/// The most memory that a process has held, in KiB.
fn peak(process: u32) -> std::io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.ok_or_else(|| std::io::Error::other("it has no VmHWM"))
}
