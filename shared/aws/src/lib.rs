//! What the users of AWS SDK clients share.

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// An error of a call to AWS in a line: the service's code and message, or how it was not reached.
///
/// The SDK's own debug form shows the whole response, which may hold what must not be logged (I11).
pub fn describe<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata,
{
    match error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            format!("{}: {}", code.unwrap_or("no error code"), message.unwrap_or("no message"))
        }
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
            Some(error) => format!("not reached: {}", DisplayErrorContext(error)),
            None => "not reached".to_owned(),
        },
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        _ => "the response could not be read".to_owned(),
    }
}

/// Whether AWS has refused the call for what a repetition does not change: a permission that is not there, a table or a queue
/// that does not exist, a request that is not valid. What is not known to be one of these may pass.
pub fn is_refused<E, R>(error: &SdkError<E, R>) -> bool
where
    E: ProvideErrorMetadata,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    // Of SQS's `AWS.SimpleQueueService.NonExistentQueue` too.
    REFUSALS.contains(&code.rsplit('.').next().unwrap_or_default())
}

const REFUSALS: [&str; 7] = [
    "AccessDenied",
    "AccessDeniedException",
    "NonExistentQueue",
    "QueueDoesNotExist",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
];

#[cfg(test)]
mod tests {
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    #[test]
    fn what_a_repetition_does_not_change_is_refused_and_nothing_else() {
        let error = |code: &str| SdkError::service_error(ErrorMetadata::builder().code(code).build(), ());
        for code in ["AccessDeniedException", "AccessDenied", "AWS.SimpleQueueService.NonExistentQueue"] {
            assert!(is_refused(&error(code)), "{code}");
        }
        for code in ["ThrottlingException", "TransactionConflictException", "InternalServerError", "Unheard"]
        {
            assert!(!is_refused(&error(code)), "{code}");
        }
        let unreached = SdkError::<ErrorMetadata, ()>::timeout_error("late");
        assert!(!is_refused(&unreached));
    }
}
