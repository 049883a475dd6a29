use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use signalbox_aws::{describe, is_refused};

/// The store did not do what was asked, or not known to. Nothing may be concluded from it: it becomes a 503 or a closed
/// connection, never a 404, a 410 or a new uaid.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB throttled, failed or could not be reached, after the SDK's retries.
    #[error("the store did not answer: {0}")]
    Unavailable(String),
    /// DynamoDB refused the call, and would again: a permission or a table is missing.
    #[error("the store refuses: {0}")]
    Refused(String),
    /// A batch was never done whole.
    #[error("{left} items of a batch were left undone after every retry")]
    Unprocessed {
        /// How many.
        left: usize,
    },
    /// An item is not what this version writes.
    #[error("an item of {table} is malformed: {reason}")]
    Malformed {
        /// What it holds.
        table: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A request could not be built.
    #[error("a request to the store could not be built: {0}")]
    Request(#[from] BuildError),
}

impl StoreError {
    /// Whether the same call may do a moment later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unprocessed { .. })
    }
}

impl<E: ProvideErrorMetadata> From<SdkError<E>> for StoreError {
    fn from(error: SdkError<E>) -> Self {
        let told = describe(&error);
        if is_refused(&error) { Self::Refused(told) } else { Self::Unavailable(told) }
    }
}
