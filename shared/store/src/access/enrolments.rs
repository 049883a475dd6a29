use signalbox_domain::{ConnectionId, Timestamp};

use crate::rows::{EnrolmentRow, enrolment_key, enrolment_partition, item, row};
use crate::{Store, StoreError};

impl Store {
    /// Notes that the connection was made with an enrolment key; twice is once. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enrol(&self, connection: &ConnectionId, expires: Timestamp) -> Result<(), StoreError> {
        let row = EnrolmentRow { pk: enrolment_partition(connection), expires_at: expires.as_secs() };
        let put = self.dynamo.put_item().table_name(&self.tables.connections);
        put.set_item(Some(item("connections", &row)?)).send().await?;
        Ok(())
    }

    /// Whether the connection was made with an enrolment key, and that still counts. 1 call, 1 read unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_enrolled(&self, connection: &ConnectionId, now: Timestamp) -> Result<bool, StoreError> {
        let get = self.dynamo.get_item().table_name(&self.tables.connections);
        let get = get.set_key(Some(enrolment_key(connection))).consistent_read(true);
        let Some(item) = get.send().await?.item else { return Ok(false) };
        let row: EnrolmentRow = row("connections", item)?;
        // DynamoDB deletes late.
        Ok(row.expires_at > now.as_secs())
    }
}
