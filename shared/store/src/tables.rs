use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
    TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::StoreError;

/// The attribute by which DynamoDB deletes what has expired: seconds since the Unix epoch.
const TTL_ATTRIBUTE: &str = "expiresAt";

/// The names of the tables. One for each purpose, so that a function's rights can be as narrow as its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNames {
    /// Terminals and their sessions.
    pub terminals: String,
    /// Messages that wait.
    pub messages: String,
    /// Connections and the terminal that each belongs to.
    pub connections: String,
    /// Fan-outs: jobs, what became of their pages, and audiences' members.
    pub fanout: String,
    /// Applications that are registered, and whose each server's key is.
    pub applications: String,
}

/// A table's key: text attributes, the partition key first.
pub type KeySchema = &'static [&'static str];

impl TableNames {
    /// Each table with its key.
    #[must_use]
    pub fn schema(&self) -> [(&str, KeySchema); 5] {
        [
            (&self.terminals, &["pk", "sk"]),
            (&self.messages, &["pk", "sk"]),
            (&self.connections, &["pk"]),
            (&self.fanout, &["pk", "sk"]),
            (&self.applications, &["pk", "sk"]),
        ]
    }

    /// Creates the tables that are not there yet, for a store that no template makes.
    ///
    /// # Errors
    /// Where the store refuses.
    pub async fn create(&self, dynamo: &Client) -> Result<(), StoreError> {
        for (name, key) in self.schema() {
            create_with_ttl(dynamo, name, key).await?;
        }
        Ok(())
    }
}

/// Creates the table, if it is not there, with its TTL.
pub(crate) async fn create_with_ttl(dynamo: &Client, name: &str, key: KeySchema) -> Result<(), StoreError> {
    create_table(dynamo, name, key).await?;
    // Looked at each time: an earlier start may have ended in between.
    if !has_ttl(dynamo, name).await? {
        enable_ttl(dynamo, name).await?;
    }
    Ok(())
}

/// Creates the table, if it is not there.
async fn create_table(dynamo: &Client, name: &str, key: KeySchema) -> Result<(), StoreError> {
    let mut request = dynamo.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in key.iter().zip([KeyType::Hash, KeyType::Range]) {
        request = request
            .key_schema(KeySchemaElement::builder().attribute_name(*attribute).key_type(kind).build()?)
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name(*attribute)
                    .attribute_type(ScalarAttributeType::S)
                    .build()?,
            );
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if error.err().is_resource_in_use_exception() => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn has_ttl(dynamo: &Client, name: &str) -> Result<bool, StoreError> {
    let answer = dynamo.describe_time_to_live().table_name(name).send().await?;
    let status = answer.time_to_live_description.and_then(|description| description.time_to_live_status);
    Ok(matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)))
}

async fn enable_ttl(dynamo: &Client, name: &str) -> Result<(), StoreError> {
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL_ATTRIBUTE).build()?;
    dynamo.update_time_to_live().table_name(name).time_to_live_specification(ttl).send().await?;
    Ok(())
}
