use std::collections::BTreeMap;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{DeleteRequest, PutRequest, WriteRequest};
use signalbox_domain::{MAX_TTL, MessageKey, MessageKind, StoredMessage, TerminalId, Timestamp};

use crate::expression::{Attributes, names, number, text, values};
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

/// Which of the messages that wait for a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting<'k> {
    /// All.
    All,
    /// Those behind this sort key.
    After(&'k str),
    /// The one at this sort key.
    At(&'k str),
}

/// What [`Store::put_message`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Putting {
    /// The message is stored.
    Stored,
    /// A newer message of its topic is there already.
    Superseded,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its terminal has acknowledged it.
    Acknowledged,
    /// It waits.
    Waiting,
    /// It was not acknowledged, and waits no longer.
    Neither,
}

impl Store {
    /// Stores a message; the same one twice is one. One with a topic replaces an older one of its topic, and gives way to a
    /// newer one (RFC 8030 section 5.4). 1 call, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_message(&self, message: &StoredMessage) -> Result<Putting, StoreError> {
        const NOT_OLDER: &str = "attribute_not_exists(pk) OR #mid <= :mid";
        let mut put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.messages)
            .set_item(Some(MessageRow::item(message)?));
        if let MessageKind::OfTopic(_) = message.key.kind {
            put = put
                .condition_expression(NOT_OLDER)
                .set_expression_attribute_names(names(&[NOT_OLDER]))
                .set_expression_attribute_values(values([(":mid", text(&message.key.accepted))]));
        }
        match put.send().await {
            Ok(_) => Ok(Putting::Stored),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                Ok(Putting::Superseded)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what waits for a terminal in the order of acceptance, at most `limit` messages. An item that cannot be read is logged and left out: it holds up nothing behind it (I2). 1 call, 1 more
    /// where bodies are shared; 1 read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting_page(
        &self,
        terminal: TerminalId,
        which: Waiting<'_>,
        limit: i32,
    ) -> Result<WaitingPage, StoreError> {
        const OF_TERMINAL: &str = "pk = :terminal";
        let query = self.dynamo.query().table_name(&self.tables.messages).consistent_read(true).limit(limit);
        let query = match which {
            Waiting::All => query.key_condition_expression(OF_TERMINAL),
            Waiting::After(after) => query
                .key_condition_expression(OF_TERMINAL)
                .set_exclusive_start_key(Some(key(terminal, after))),
            Waiting::At(at) => query
                .key_condition_expression("pk = :terminal AND sk = :at")
                .expression_attribute_values(":at", text(at)),
        };
        let answer = query.expression_attribute_values(":terminal", text(terminal)).send().await?;
        let next = match answer.last_evaluated_key.as_ref().map(|key| key.get("sk")) {
            None => None,
            Some(sk) => {
                let sk = sk.and_then(|sk| sk.as_s().ok());
                Some(sk.ok_or_else(|| malformed("messages", "the page's end has no sk"))?.clone())
            }
        };
        let items = answer.items.unwrap_or_default();
        let messages = items.into_iter().filter_map(|item| readable(terminal, item)).collect();
        let messages = self.with_shared_bodies(messages).await?;
        Ok(WaitingPage { messages, next })
    }

    /// Deletes messages; those that are gone already, or whose topic has a newer one, do not matter. 1 call for every 25,
    /// and 1 for each with a topic; 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_messages(&self, messages: &[MessageKey]) -> Result<(), StoreError> {
        self.remove(messages, Vec::new()).await
    }

    /// Deletes messages that their terminal has taken, and keeps a receipt of those whose senders want one (RFC 8030
    /// section 6.3). 1 call for every 25 deletions and receipts, and 1 for each message with a topic.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acknowledge(&self, messages: &[MessageKey], now: Timestamp) -> Result<(), StoreError> {
        let wanted: BTreeMap<_, _> = messages
            .iter()
            .filter(|message| message.receipt)
            .map(|message| ((message.terminal, message.accepted.to_string()), message))
            .collect();
        let receipts = wanted
            .into_values()
            .map(|message| {
                let mut item = receipt_key(message);
                item.insert("expiresAt".to_owned(), number(now.plus(MAX_TTL).as_secs()));
                let put = PutRequest::builder().set_item(Some(item)).build()?;
                Ok(WriteRequest::builder().put_request(put).build())
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        self.remove(messages, receipts).await
    }

    /// Deletes one message, if it is there and still its topic's. 1 call, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn withdraw(&self, message: &MessageKey) -> Result<(), StoreError> {
        self.delete_if("#mid = :mid", message).await
    }

    async fn delete_if(&self, condition: &str, message: &MessageKey) -> Result<(), StoreError> {
        let deleted = self
            .dynamo
            .delete_item()
            .table_name(&self.tables.messages)
            .set_key(Some(message_key(message)))
            .condition_expression(condition)
            .set_expression_attribute_names(names(&[condition]))
            .set_expression_attribute_values(values([(":mid", text(&message.accepted))]))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes what waits in a topic's place, if it is not newer than this message, which replaces it without being stored
    /// itself. 1 call, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_topic(&self, by: &MessageKey) -> Result<(), StoreError> {
        self.delete_if("#mid <= :mid", by).await
    }

    /// Reads what became of a message whose sender wanted a receipt. 1 call, 1 read unit for each row.
    ///
    /// # Errors
    /// [`StoreError`]; also where not both rows could be read.
    pub async fn outcome(&self, message: &MessageKey, now: Timestamp) -> Result<Outcome, StoreError> {
        let keys = vec![receipt_key(message), message_key(message)];
        let mut waits = false;
        for item in self.batch_get(&self.tables.messages, keys).await? {
            if !item.contains_key("mid") {
                return Ok(Outcome::Acknowledged);
            }
            let stored = MessageRow::read(item)?;
            waits = stored.key == *message && now < stored.expires;
        }
        Ok(if waits { Outcome::Waiting } else { Outcome::Neither })
    }

    async fn remove(&self, messages: &[MessageKey], receipts: Vec<WriteRequest>) -> Result<(), StoreError> {
        // A batch may name no item twice, and a topic's message need not be named twice.
        let distinct: BTreeMap<_, _> = messages
            .iter()
            .map(|message| ((message.terminal, message.sort_key(), message.accepted.to_string()), message))
            .collect();
        let mut writes = receipts;
        for message in distinct.values().filter(|message| message.kind == MessageKind::Stored) {
            let delete = DeleteRequest::builder().set_key(Some(message_key(message))).build()?;
            writes.push(WriteRequest::builder().delete_request(delete).build());
        }
        self.batch_write(&self.tables.messages, writes).await?;
        // I4: a newer message of the topic stays. All that are named are tried, as one of them may be the one there.
        for message in distinct.values().filter(|message| matches!(message.kind, MessageKind::OfTopic(_))) {
            self.withdraw(message).await?;
        }
        Ok(())
    }
}

pub(crate) fn message_key(message: &MessageKey) -> Attributes {
    key(message.terminal, message.sort_key())
}

/// A receipt stands beside the messages, under a key of its own.
fn receipt_key(message: &MessageKey) -> Attributes {
    let pk = format!("R#{}", message.terminal);
    Attributes::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(&message.accepted))])
}

fn readable(terminal: TerminalId, item: Attributes) -> Option<StoredMessage> {
    MessageRow::read(item)
        .inspect_err(|error| tracing::error!(%terminal, %error, "a waiting message cannot be read"))
        .ok()
}
