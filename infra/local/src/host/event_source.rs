//! Lambda's event sources: wakes the functions with batches of what a queue holds, or by a schedule.

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use lambda_runtime::{Context, LambdaEvent};
use signalbox_domain::{Clock, Slot};
use signalbox_keep_alive::{KeepAlive, Wake};
use signalbox_local_aws::{LocalQueue, QueueOptions, Received};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::functions::Functions;
use super::schedule::Minutes;

/// How many batches of a queue are worked on at once.
const AT_ONCE: usize = 4;

/// A queue, and the function that it wakes. Numbers as the template has them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    /// What is owed to terminals.
    Drains,
    /// What is to be done for jobs.
    Pages,
}

impl Source {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Drains => "drains",
            Self::Pages => "pages",
        }
    }

    pub(super) const fn options(self) -> QueueOptions {
        let seconds = match self {
            Self::Drains => 180,
            Self::Pages => 360,
        };
        QueueOptions { visibility: Duration::from_secs(seconds), receptions: 5 }
    }

    const fn batch(self) -> usize {
        match self {
            Self::Drains => 10,
            Self::Pages => 1,
        }
    }

    /// What the function may take.
    const fn time(self) -> Duration {
        match self {
            Self::Drains => Duration::from_secs(29),
            Self::Pages => Duration::from_secs(60),
        }
    }

    async fn wake(
        self,
        functions: &Functions,
        event: LambdaEvent<SqsEvent>,
    ) -> Result<SqsBatchResponse, lambda_runtime::Error> {
        match self {
            Self::Drains => functions.drain.handle(event).await,
            Self::Pages => functions.fanout_page.handle(event).await,
        }
    }
}

/// What a function may take that the schedule wakes each minute, as in the cloud.
const SCHEDULED_TIME: Duration = Duration::from_secs(55);

/// When what has failed is shown again. SQS waits for the rest of the visibility timeout.
const AGAIN: Duration = Duration::from_secs(5);

/// Wakes the function until the host stops; what is under way then is finished.
pub(super) async fn run(
    source: Source,
    queue: LocalQueue,
    functions: Arc<Functions>,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut working = JoinSet::new();
    loop {
        if working.len() >= AT_ONCE {
            working.join_next().await;
        }
        let batch = tokio::select! {
            () = stop.cancelled() => break,
            batch = queue.receive(source.batch()) => batch,
        };
        working.spawn(work(source, queue.clone(), functions.clone(), clock.clone(), batch));
    }
    working.join_all().await;
}

/// Wakes `keep-alive` each minute, once for each shard, until the host stops.
pub(super) async fn keep_alive(functions: Arc<Functions>, clock: Clock, stop: CancellationToken) {
    let Some(function) = &functions.keep_alive else { return };
    let mut minutes = Minutes::new(clock.clone());
    while let Some(minute) = minutes.next(&stop).await {
        join_all(Slot::SHARDS.map(|shard| wake(function, &clock, Wake::new(minute, shard)))).await;
    }
}

async fn wake(function: &KeepAlive, clock: &Clock, wake: Wake) {
    let mut context = Context::default();
    context.deadline = clock.now().plus(SCHEDULED_TIME).as_millis();
    if let Err(error) = function.handle(LambdaEvent::new(wake, context)).await {
        tracing::error!(%error, "a function failed");
    }
}

/// A batch: deleted is what the function does not name as failed.
async fn work(
    source: Source,
    queue: LocalQueue,
    functions: Arc<Functions>,
    clock: Clock,
    batch: Vec<Received>,
) {
    let mut context = Context::default();
    context.deadline = clock.now().plus(source.time()).as_millis();
    let failed: Vec<_> = match source.wake(&functions, LambdaEvent::new(event(&batch), context)).await {
        Ok(answer) => answer.batch_item_failures.into_iter().map(|failure| failure.item_identifier).collect(),
        Err(error) => {
            tracing::error!(%error, "a function failed");
            batch.iter().map(|message| message.id.clone()).collect()
        }
    };
    for message in batch {
        if failed.contains(&message.id) {
            queue.release(&message.id, AGAIN);
        } else if let Err(error) = queue.delete(&message.id).await {
            tracing::warn!(%error, "a message that was dealt with comes again");
        }
    }
}

fn event(batch: &[Received]) -> SqsEvent {
    let mut event = SqsEvent::default();
    event.records = batch
        .iter()
        .map(|received| {
            let mut record = SqsMessage::default();
            record.message_id = Some(received.id.clone());
            record.body = Some(received.body.clone());
            record.attributes =
                [("ApproximateReceiveCount".to_owned(), received.receptions.to_string())].into();
            record.event_source = Some("aws:sqs".to_owned());
            record
        })
        .collect();
    event
}
