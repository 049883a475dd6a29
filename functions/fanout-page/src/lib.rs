//! Woken by the queue of pages: carries out fan-outs, a page at a time (R40 to R42). A page that fails goes back to the queue
//! as a whole, and may run as often as it likes: its messages are the same each time.

mod admit;
mod post;
mod run;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use signalbox_delivery::{NotQueued, Pace, read_work};
use signalbox_domain::{Audience, JobId, Timestamp, Work};
use signalbox_gateway::of_invocation;
use signalbox_startup::{Context, NotOpened};
use signalbox_store::StoreError;

/// A message that has come out of the queue so often does not come again: what becomes of it is written down before. As
/// the template says.
const RECEPTIONS: u32 = 5;
/// What fails and may pass is tried again in the same run, after a pause that grows up to the longest: the queue would hide
/// it for minutes, and mostly a table has been asked for more than it serves yet.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// Left of the function's time for one more try.
const TRY: Duration = Duration::from_secs(20);

/// The function.
#[derive(Debug)]
pub struct FanoutPage {
    context: Context,
    pace: Option<Pace>,
}

/// Why a page is to come out of the queue again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Queue(#[from] NotQueued),
    #[error("a message could not be sealed: {0}")]
    Key(#[from] NotOpened),
}

impl Failed {
    /// Whether it may do a moment later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Store(error) => error.may_pass(),
            Self::Queue(error) => error.may_pass(),
            Self::Key(error) => *error == NotOpened::Unavailable,
        }
    }
}

impl FanoutPage {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let pace = context.settings.post_rate.map(Pace::new);
        Self { context, pace }
    }

    /// Handles a batch of the queue, its messages beside each other, and names those that are to come again.
    ///
    /// # Errors
    /// None: everything is told by message.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let until = Timestamp::from_millis(event.context.deadline);
        let trace = of_invocation(&event.context);
        let records = event.payload.records.iter().map(|record| self.do_record(record, until));
        let done = self.context.invocation(&trace, join_all(records)).await;
        let mut answer = SqsBatchResponse::default();
        for (record, done) in event.payload.records.into_iter().zip(done) {
            if !done {
                answer.add_failure(record.message_id.unwrap_or_default());
            }
        }
        Ok(answer)
    }

    /// Whether the record is dealt with.
    async fn do_record(&self, record: &SqsMessage, until: Timestamp) -> bool {
        let work = match read_work(record.body.as_deref().unwrap_or_default()) {
            Ok(work) => work,
            Err(error) => {
                // It ends among the dead letters, where somebody can look at it.
                tracing::error!(%error, "a message of the queue of pages is malformed");
                return false;
            }
        };
        let last = receptions(record) >= RECEPTIONS;
        let mut pause = FIRST_PAUSE;
        loop {
            let Err(error) = self.do_work(work.clone(), last).await else { return true };
            if !error.may_pass() || self.context.clock.now().plus(pause + TRY) > until {
                tracing::error!(%error, last, "a page goes back to its queue");
                return false;
            }
            tracing::warn!(%error, "a page is tried again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn do_work(&self, work: Work, last: bool) -> Result<(), Failed> {
        match work {
            Work::Listed { job, page } => self.listed(job, page, last).await,
            Work::Parts { job, pages } if pages.len() <= 1 => self.part(job, pages.start, last).await,
            Work::Parts { job, pages } => self.spread(job, pages).await,
            Work::Sweep { audience } => self.sweep(audience).await,
        }
    }

    /// Puts each page into the queue by itself. 1 call for every 10.
    async fn spread(&self, job: JobId, pages: std::ops::Range<u32>) -> Result<(), Failed> {
        let work: Vec<_> = pages.map(|page| Work::Parts { job, pages: page..page + 1 }).collect();
        Ok(self.context.pages.send(&work, Duration::ZERO).await?)
    }

    /// Removes members of an audience that has been deleted, and leaves the rest to the queue. 1 read, 1 call for each partition
    /// and for every 25 members, 1 call of the queue where there are more.
    async fn sweep(&self, audience: Audience) -> Result<(), Failed> {
        let now = self.context.store.audience(audience.owner, &audience.name).await?;
        if now.is_some_and(|now| now.generation == audience.generation) {
            tracing::warn!("an audience was not deleted after all");
            return Ok(());
        }
        if self.context.store.sweep_members(&audience).await? {
            let rest = [Work::Sweep { audience }];
            self.context.pages.send(&rest, Duration::ZERO).await?;
        }
        Ok(())
    }
}

fn receptions(record: &SqsMessage) -> u32 {
    let count = record.attributes.get("ApproximateReceiveCount");
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}
