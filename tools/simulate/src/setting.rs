use std::num::NonZeroU32;
use std::time::Duration;

/// What is simulated. The same setting comes to the same end.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Where all chance begins.
    pub seed: u64,
    /// How many members the audience has.
    pub members: u32,
    /// The template's `FanoutWorkers`.
    pub workers: u32,
    /// The template's `FanoutWorkerRate`.
    pub rate: NonZeroU32,
    /// How long the notification may wait, in seconds.
    pub ttl: u32,
    /// The notification's body in bytes.
    pub body: usize,
    /// The template's `WarmReadUnits`.
    pub warm_reads: u32,
    /// The template's `WarmWriteUnits`.
    pub warm_writes: u32,
    /// API Gateway's requests a second in the account and region, and how many at once.
    pub quota: (u32, u32),
    /// The share of members whose terminals are absent.
    pub absent: f64,
    /// The share whose connections are closed, which the tables do not know yet.
    pub gone: f64,
    /// The share whose sessions have ended.
    pub ended: f64,
    /// The share of the queue's messages that come twice.
    pub twice: f64,
    /// The share of the workers' runs that end in the middle.
    pub killed: f64,
    /// For how long the queue of pages hides what it has handed out.
    pub visibility: Duration,
    /// The template's `MemorySize`, in MB.
    pub memory: u32,
}

impl Default for Setting {
    /// The template's defaults, and a million members.
    fn default() -> Self {
        Self {
            seed: 1,
            members: 1_000_000,
            workers: 10,
            rate: NonZeroU32::MIN.saturating_add(249),
            ttl: 3_600,
            body: 200,
            warm_reads: 12_000,
            warm_writes: 4_000,
            quota: (10_000, 5_000),
            absent: 0.01,
            gone: 0.005,
            ended: 0.002,
            twice: 0.005,
            killed: 0.0,
            visibility: Duration::from_secs(360),
            memory: 256,
        }
    }
}
