use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, PutRequest, ReturnValue, Select, WriteRequest};
use futures_util::future::try_join_all;
use signalbox_domain::{Addressee, Audience, AudienceName, HashRange, Owner, SHARDS, TerminalId};
use signalbox_wire::ChannelId;

use super::conditional::{Updated, updated};
use crate::expression::{Attributes, bytes, names, number, text, values};
use crate::rows::{
    AudienceRow, MemberRow, audience_key, malformed, member_key, members_partition, sort_keys,
};
use crate::{Store, StoreError};

/// How many members are removed in one go of a sweep, of each partition.
const SWEPT: i32 = 1_000;
/// So many members of each partition are counted where an estimate is enough. What those of all partitions together tell of the
/// whole is within 5 % in 19 cases of 20.
const SAMPLE: i32 = 500;

/// How many members an audience has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// So many.
    pub members: u64,
    /// Counted to the last; else estimated from a part.
    pub exact: bool,
}

impl Store {
    /// The audience of this name, made where there is none. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_audience(&self, owner: Owner, name: &AudienceName) -> Result<Audience, StoreError> {
        const OPEN: &str = "SET #live = :live, #generation = if_not_exists(#generation, :zero)";
        let answer = self
            .dynamo
            .update_item()
            .table_name(&self.tables.fanout)
            .set_key(Some(audience_key(owner, name)))
            .update_expression(OPEN)
            .set_expression_attribute_names(names(&[OPEN]))
            .set_expression_attribute_values(values([
                (":live", AttributeValue::Bool(true)),
                (":zero", number(0)),
            ]))
            .return_values(ReturnValue::AllNew)
            .send()
            .await?;
        let row = answer.attributes.ok_or_else(|| malformed("fanout", "an update returned nothing"))?;
        let generation = AudienceRow::read(row)?.generation;
        Ok(Audience { owner, name: name.clone(), generation })
    }

    /// The audience of this name, if there is one. 1 call, 1 read unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audience(&self, owner: Owner, name: &AudienceName) -> Result<Option<Audience>, StoreError> {
        let answer = self
            .dynamo
            .get_item()
            .table_name(&self.tables.fanout)
            .set_key(Some(audience_key(owner, name)))
            .consistent_read(true)
            .send()
            .await?;
        let row = answer.item.map(AudienceRow::read).transpose()?.filter(|row| row.live);
        Ok(row.map(|row| Audience { owner, name: name.clone(), generation: row.generation }))
    }

    /// Ends an audience: from here on it has no members, and one made anew is another. Returns it, if it was there; its members
    /// are still to be swept. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn end_audience(
        &self,
        owner: Owner,
        name: &AudienceName,
    ) -> Result<Option<Audience>, StoreError> {
        const LIVE: &str = "#live = :live";
        const END: &str = "SET #live = :ended ADD #generation :one";
        let done = self
            .dynamo
            .update_item()
            .table_name(&self.tables.fanout)
            .set_key(Some(audience_key(owner, name)))
            .update_expression(END)
            .condition_expression(LIVE)
            .set_expression_attribute_names(names(&[END, LIVE]))
            .set_expression_attribute_values(values([
                (":live", AttributeValue::Bool(true)),
                (":ended", AttributeValue::Bool(false)),
                (":one", number(1)),
            ]))
            .return_values(ReturnValue::AllOld)
            .send()
            .await;
        match updated(done.map(|answer| answer.attributes))? {
            Updated::Done(Some(old)) => {
                let generation = AudienceRow::read(old)?.generation;
                Ok(Some(Audience { owner, name: name.clone(), generation }))
            }
            Updated::Done(None) | Updated::Refused(_) => Ok(None),
        }
    }

    /// Adds members; of one that is there already the token is replaced. No session may be named twice. 1 call for every 25,
    /// 1 write unit for each.
    ///
    /// # Errors
    /// [`StoreError`]: some may have been added.
    pub async fn add_members(&self, audience: &Audience, members: &[Addressee]) -> Result<(), StoreError> {
        let writes = members.iter().map(|member| {
            let put = PutRequest::builder().set_item(Some(MemberRow::item(audience, member)?)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        });
        self.batch_write(&self.tables.fanout, writes.collect::<Result<_, StoreError>>()?).await
    }

    /// Removes members, whether or not they are there. No session may be named twice. 1 call for every 25, 1 write unit for
    /// each.
    ///
    /// # Errors
    /// [`StoreError`]: some may have been removed.
    pub async fn remove_members(
        &self,
        audience: &Audience,
        members: &[(TerminalId, ChannelId)],
    ) -> Result<(), StoreError> {
        let keys = members.iter().map(|(terminal, channel)| member_key(audience, *terminal, channel));
        self.delete_members(keys.collect()).await
    }

    /// Removes a member whose token is dead, unless it has got another one meanwhile. 1 call, 1 write unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drop_member(&self, audience: &Audience, member: &Addressee) -> Result<(), StoreError> {
        const SAME: &str = "#token = :token";
        let deleted = self
            .dynamo
            .delete_item()
            .table_name(&self.tables.fanout)
            .set_key(Some(member_key(audience, member.terminal, &member.channel)))
            .condition_expression(SAME)
            .set_expression_attribute_names(names(&[SAME]))
            .set_expression_attribute_values(values([(":token", bytes(member.token.as_bytes()))]))
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

    /// Reads the members of a part of an audience. 1 call for each partition that it touches and each MB, 1 read unit for each
    /// 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn members(&self, audience: &Audience, part: HashRange) -> Result<Vec<Addressee>, StoreError> {
        let shards = part.by_shard().map(async |(shard, from, to)| {
            let (mut members, mut after) = (Vec::new(), None);
            loop {
                let query = self.members_query(audience, shard, sort_keys(from, to));
                let answer = query.set_exclusive_start_key(after).send().await?;
                for item in answer.items.unwrap_or_default() {
                    members.push(MemberRow::read(item)?);
                }
                after = answer.last_evaluated_key;
                if after.is_none() {
                    return Ok::<_, StoreError>(members);
                }
            }
        });
        Ok(try_join_all(shards).await?.concat())
    }

    /// Counts members. Each partition to its end, or, where an estimate is enough, the first few hundred of it: terminals' ids
    /// are hashes, so that a part tells of the whole. 1 call for each partition, and where it is no estimate for each MB of it; 1
    /// read unit for each 4 KB.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_members(&self, audience: &Audience, estimate: bool) -> Result<Size, StoreError> {
        let shards = (0..SHARDS).map(async |shard| {
            let (mut size, mut after) = (Size { members: 0, exact: true }, None);
            loop {
                let query = self.members_query(audience, shard, sort_keys(0, u32::MAX));
                let query = query.select(Select::Count).set_limit(estimate.then_some(SAMPLE));
                let answer = query.set_exclusive_start_key(after).send().await?;
                size.members += u64::try_from(answer.count).unwrap_or_default();
                after = answer.last_evaluated_key;
                match &after {
                    None => return Ok::<_, StoreError>(size),
                    Some(last) if estimate => {
                        return Ok(Size { members: extrapolated(size.members, shard, last)?, exact: false });
                    }
                    Some(_) => {}
                }
            }
        });
        let shards = try_join_all(shards).await?;
        Ok(Size {
            members: shards.iter().map(|size| size.members).sum(),
            exact: shards.iter().all(|size| size.exact),
        })
    }

    /// Removes some members of an audience that has ended. Says whether there are more. 1 call for each partition, and 1 for
    /// every 25 members.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_members(&self, audience: &Audience) -> Result<bool, StoreError> {
        let shards = (0..SHARDS).map(async |shard| {
            let query = self.members_query(audience, shard, sort_keys(0, u32::MAX));
            let answer = query.projection_expression("pk, sk").limit(SWEPT).send().await?;
            self.delete_members(answer.items.unwrap_or_default()).await?;
            Ok::<_, StoreError>(answer.last_evaluated_key.is_some())
        });
        Ok(try_join_all(shards).await?.into_iter().any(|more| more))
    }

    async fn delete_members(&self, keys: Vec<Attributes>) -> Result<(), StoreError> {
        let deletes = keys.into_iter().map(|key| {
            let delete = DeleteRequest::builder().set_key(Some(key)).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        });
        self.batch_write(&self.tables.fanout, deletes.collect::<Result<_, StoreError>>()?).await
    }

    fn members_query(
        &self,
        audience: &Audience,
        shard: u32,
        (from, to): (String, String),
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        self.dynamo
            .query()
            .table_name(&self.tables.fanout)
            .consistent_read(true)
            .key_condition_expression("pk = :members AND sk BETWEEN :from AND :to")
            .set_expression_attribute_values(values([
                (":members", text(members_partition(audience, shard))),
                (":from", text(from)),
                (":to", text(to)),
            ]))
    }
}

/// How many members a partition has, of which so many are before this one.
fn extrapolated(counted: u64, shard: u32, last: &Attributes) -> Result<u64, StoreError> {
    let sort_key = last.get("sk").and_then(|sk| sk.as_s().ok()).and_then(|sk| sk.get(..8));
    let last = sort_key.and_then(|prefix| u32::from_str_radix(prefix, 16).ok());
    let last = last.ok_or_else(|| malformed("fanout", "the page's end is no member"))?;
    let width = (1_u64 << 32) / u64::from(SHARDS);
    let covered = u64::from(last).saturating_sub(u64::from(shard) * width).max(1);
    Ok(counted.saturating_mul(width) / covered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_tells_of_its_partition() {
        let last = |prefix: u32| Attributes::from([("sk".to_owned(), text(format!("{prefix:08x}0000#c")))]);
        let quarter = 1_u32 << 30;
        // Counted to the middle, a quarter, the very end.
        assert_eq!(extrapolated(1_000, 0, &last(quarter / 2)).unwrap(), 2_000);
        assert_eq!(extrapolated(1_000, 3, &last(3 * quarter + quarter / 4)).unwrap(), 4_000);
        assert_eq!(extrapolated(1_000, 1, &last(2 * quarter - 1)).unwrap(), 1_000);
        assert!(extrapolated(1_000, 0, &Attributes::new()).is_err());
    }
}
