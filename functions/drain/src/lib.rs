//! Woken by the queue of drains: posts what is owed to terminals (I6, I8, I12). What could not be posted is owed again, later;
//! what could not even be owed again goes back to the queue by itself.

mod settle;

use std::time::Duration;

use aws_lambda_events::sqs::{SqsBatchResponse, SqsEvent, SqsMessage};
use futures_util::future::join_all;
use lambda_runtime::{Error, LambdaEvent};
use signalbox_delivery::Owed;
use signalbox_domain::Timestamp;
use signalbox_gateway::of_invocation;
use signalbox_startup::Context;
use signalbox_telemetry::Trace;
use tracing::Instrument as _;

/// Left of the function's time when a drain stops: one post with all its attempts, and what goes on is owed.
const RESERVE: Duration = Duration::from_secs(12);

/// The function.
#[derive(Debug)]
pub struct Drain {
    context: Context,
}

impl Drain {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Handles a batch of the queue, its messages beside each other, and names those that are to come again.
    ///
    /// # Errors
    /// Where the deadline is none. Everything else is told by message.
    pub async fn handle(&self, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
        let until = event.context.deadline.saturating_sub(u64::try_from(RESERVE.as_millis())?);
        let until = Timestamp::from_millis(until);
        let trace = of_invocation(&event.context);
        let records = event.payload.records.iter().map(|record| self.settle_record(record, &trace, until));
        let settled = self.context.invocation(&trace, join_all(records)).await;
        let mut answer = SqsBatchResponse::default();
        for (record, settled) in event.payload.records.into_iter().zip(settled) {
            if !settled {
                answer.add_failure(record.message_id.unwrap_or_default());
            }
        }
        Ok(answer)
    }

    /// Whether the record is dealt with. Its lines carry the request that it has come of.
    async fn settle_record(&self, record: &SqsMessage, trace: &Trace, until: Timestamp) -> bool {
        let body = record.body.as_deref().unwrap_or_default();
        let owed: Owed = match serde_json::from_str(body) {
            Ok(owed) => owed,
            Err(error) => {
                // It ends among the dead letters, where somebody can look at it.
                tracing::error!(%error, "a message of the queue of drains is malformed");
                return false;
            }
        };
        let span = Trace { request: owed.request.clone(), ..trace.clone() }.span();
        let settled = async {
            let settled = self.settle(owed, until).await;
            settled.inspect_err(|error| tracing::error!(%error, "a drain goes back to its queue")).is_ok()
        };
        settled.instrument(span).await
    }
}
