use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;

use crate::StoreError;
use crate::expression::Attributes;

/// What a conditional update came to.
pub(crate) enum Updated {
    /// Done; the item, where it was asked for.
    Done(Option<Attributes>),
    /// The condition failed; the item as it stands, where it was asked for and there is one.
    Refused(Option<Attributes>),
}

pub(crate) fn updated(
    done: Result<Option<Attributes>, SdkError<UpdateItemError>>,
) -> Result<Updated, StoreError> {
    match done {
        Ok(item) => Ok(Updated::Done(item)),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                Ok(Updated::Refused(refused.item.clone().filter(|item| !item.is_empty())))
            }
            _ => Err(error.into()),
        },
    }
}
