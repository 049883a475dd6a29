use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;

use crate::expression::{Attributes, names};
use crate::{Store, StoreError};

impl Store {
    /// An update of a terminal's or a session's row, on a condition.
    pub(crate) fn update(
        &self,
        key: Attributes,
        update: &str,
        condition: &str,
        values: Option<Attributes>,
    ) -> UpdateItemFluentBuilder {
        self.dynamo
            .update_item()
            .table_name(&self.tables.terminals)
            .set_key(Some(key))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[update, condition]))
            .set_expression_attribute_values(values)
    }
}

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
