use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use signalbox_domain::{MessageKey, StoredMessage, TerminalId};

use crate::expression::{Attributes, text, values};
use crate::rows::{MessageRow, key, malformed};
use crate::{Store, StoreError};

/// A part of what waits for a terminal, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingPage {
    /// The messages; some may have expired.
    pub messages: Vec<StoredMessage>,
    /// Where the next page begins; none where this is the last.
    pub next: Option<String>,
}

impl Store {
    /// Stores a message; the same one twice is one. 1 call, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_message(&self, message: &StoredMessage) -> Result<(), StoreError> {
        let item = MessageRow::item(message)?;
        self.dynamo.put_item().table_name(&self.tables.messages).set_item(Some(item)).send().await?;
        Ok(())
    }

    /// Reads what waits for a terminal in the order of acceptance, at most `limit` messages, behind `after`. An item that
    /// cannot be read is logged and left out: it holds up nothing behind it (I2). 1 call, 1 read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_page(
        &self,
        terminal: TerminalId,
        after: Option<&str>,
        limit: i32,
    ) -> Result<WaitingPage, StoreError> {
        let answer = self
            .dynamo
            .query()
            .table_name(&self.tables.messages)
            .key_condition_expression("pk = :terminal")
            .set_expression_attribute_values(values([(":terminal", text(terminal))]))
            .set_exclusive_start_key(after.map(|after| key(terminal, after)))
            .consistent_read(true)
            .limit(limit)
            .send()
            .await?;
        let next = match answer.last_evaluated_key.as_ref().map(|key| key.get("sk")) {
            None => None,
            Some(sk) => {
                let sk = sk.and_then(|sk| sk.as_s().ok());
                Some(sk.ok_or_else(|| malformed("messages", "the page's end has no sk"))?.clone())
            }
        };
        let items = answer.items.unwrap_or_default();
        let messages = items.into_iter().filter_map(|item| readable(terminal, item)).collect();
        Ok(WaitingPage { messages, next })
    }

    /// Deletes messages; those that are gone already do not matter. 1 call for every 25, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_messages(&self, messages: &[MessageKey]) -> Result<(), StoreError> {
        // A batch may name no item twice.
        let distinct: BTreeMap<_, _> = messages
            .iter()
            .map(|message| ((message.terminal, message.sort_key()), message.terminal))
            .collect();
        let deletes = distinct
            .into_iter()
            .map(|((_, sort_key), terminal)| {
                let delete = DeleteRequest::builder().set_key(Some(key(terminal, sort_key))).build()?;
                Ok(WriteRequest::builder().delete_request(delete).build())
            })
            .collect::<Result<_, StoreError>>()?;
        self.batch_write(&self.tables.messages, deletes).await
    }
}

fn readable(terminal: TerminalId, item: Attributes) -> Option<StoredMessage> {
    MessageRow::read(item)
        .inspect_err(|error| tracing::error!(%terminal, %error, "a waiting message cannot be read"))
        .ok()
}
