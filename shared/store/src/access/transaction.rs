use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{CancellationReason, TransactWriteItem};

use super::batch::pause_before;
use crate::{Store, StoreError};

/// How often a transaction is tried that lost against another one.
const ROUNDS: u32 = 6;
/// Why a transaction was cancelled without having been refused.
const PASSING: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

/// What a transaction came to.
pub(crate) enum Transaction {
    /// All of it is done.
    Done,
    /// None of it: a condition failed. One reason for each item.
    Refused(Vec<CancellationReason>),
}

/// Whether the condition of the item at `index` failed.
pub(crate) fn failed(reasons: &[CancellationReason], index: usize) -> bool {
    reasons.get(index).and_then(CancellationReason::code) == Some("ConditionalCheckFailed")
}

impl Store {
    /// Runs a transaction; again where it lost against another one or was throttled, which the SDK does not do by itself.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<Transaction, StoreError> {
        let mut round = 0;
        loop {
            let done =
                self.dynamo.transact_write_items().set_transact_items(Some(items.clone())).send().await;
            let Err(error) = done else { return Ok(Transaction::Done) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => {
                    canceled.cancellation_reasons().to_vec()
                }
                _ => Vec::new(),
            };
            if (0..reasons.len()).any(|index| failed(&reasons, index)) {
                return Ok(Transaction::Refused(reasons));
            }
            let passes =
                reasons.iter().filter_map(CancellationReason::code).any(|code| PASSING.contains(&code));
            round += 1;
            if !passes || round == ROUNDS {
                return Err(error.into());
            }
            pause_before(round).await;
        }
    }
}
