use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use signalbox_domain::{JOB_DAYS, Job, JobId, Timestamp};

use crate::expression::{names, number, text, values};
use crate::rows::{JobRow, PageRow, PageState, is_page, job_key, job_partition, page_key};
use crate::{Store, StoreError};

/// So long a job can be looked at.
const KEPT: Duration = Duration::from_secs(JOB_DAYS * 24 * 3600);

/// What [`Store::begin_job`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The job is recorded.
    New,
    /// It was recorded before, by an earlier run of its event or an earlier request of the same name.
    Before(Job),
}

impl Store {
    /// Records a job, if there is none of its name. 1 call, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_job(&self, job: &Job, now: Timestamp) -> Result<Begun, StoreError> {
        const NEW: &str = "attribute_not_exists(pk) OR #expiresAt <= :now";
        let done = self
            .dynamo
            .put_item()
            .table_name(&self.tables.fanout)
            .set_item(Some(JobRow::item(job, now.plus(KEPT))?))
            .condition_expression(NEW)
            .set_expression_attribute_names(names(&[NEW]))
            .set_expression_attribute_values(values([(":now", number(now.as_secs()))]))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = done else { return Ok(Begun::New) };
        let SdkError::ServiceError(service) = &error else { return Err(error.into()) };
        let PutItemError::ConditionalCheckFailedException(refused) = service.err() else {
            return Err(error.into());
        };
        let before = refused.item.clone().map(|item| JobRow::read(item, now)).transpose()?.flatten();
        // It has expired in this very moment.
        before
            .map(Begun::Before)
            .ok_or_else(|| StoreError::Unavailable("the job before has ended just now".to_owned()))
    }

    /// Reads a job. 1 call, 1 read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn job(&self, job: JobId, now: Timestamp) -> Result<Option<Job>, StoreError> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.tables.fanout)
            .set_key(Some(job_key(job)))
            .consistent_read(true)
            .send()
            .await?;
        Ok(answer.item.map(|item| JobRow::read(item, now)).transpose()?.flatten())
    }

    /// Reads a job and how far one of its pages is; nothing where that has not begun. 1 call.
    ///
    /// # Errors
    /// [`StoreError`]; also where not both could be read.
    pub async fn job_and_page(
        &self,
        job: JobId,
        page: u32,
        now: Timestamp,
    ) -> Result<(Option<Job>, Option<PageState>), StoreError> {
        let keys = vec![job_key(job), page_key(job, page)];
        let (mut found, mut state) = (None, None);
        for item in self.batch_get(&self.tables.fanout, keys).await? {
            if is_page(&item) {
                state = Some(PageRow::read(item)?);
            } else {
                found = JobRow::read(item, now)?;
            }
        }
        Ok((found, state))
    }

    /// Records how far a page is, whatever was recorded before. 1 call, 1 write unit for each KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_page(
        &self,
        job: JobId,
        page: u32,
        state: &PageState,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.dynamo
            .put_item()
            .table_name(&self.tables.fanout)
            .set_item(Some(PageRow::item(job, page, state, now.plus(KEPT))?))
            .send()
            .await?;
        Ok(())
    }

    /// Reads how far the pages of a job are; those that have not begun are not there. 1 call for each MB, 1 read unit for each
    /// 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pages(&self, job: JobId) -> Result<Vec<PageState>, StoreError> {
        const PAGES: &str = "pk = :job AND begins_with(sk, :page)";
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let answer = self
                .dynamo
                .query()
                .table_name(&self.tables.fanout)
                .consistent_read(true)
                .key_condition_expression(PAGES)
                .set_expression_attribute_values(values([
                    (":job", text(job_partition(job))),
                    (":page", text("P#")),
                ]))
                .set_exclusive_start_key(after)
                .send()
                .await?;
            for item in answer.items.unwrap_or_default() {
                pages.push(PageRow::read(item)?);
            }
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(pages);
            }
        }
    }
}
