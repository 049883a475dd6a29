use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use signalbox_domain::{JobId, RefusalKind, RefusedRecipient, Tally, Timestamp, TokenDigest, Who};

use super::job::job_partition;
use super::{item, key_of, malformed, row};
use crate::StoreError;
use crate::expression::Attributes;

const TABLE: &str = "fanout";
const PAGE: &str = "P#";

/// How far a page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageState {
    /// Its messages are stored. Some may have been posted.
    Stored,
    /// It is being carried out for the last time, or was: should it not be done a while after this, it has failed.
    LastAttempt {
        /// When that began.
        began: Timestamp,
        /// How many recipients it has, where that is known.
        recipients: u64,
        /// Whether its messages were stored before.
        stored: bool,
    },
    /// Done, and what became of its recipients.
    Done(Tally),
}

/// A page's row.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PageRow {
    pk: String,
    sk: String,
    state: String,
    #[serde(default)]
    posted: u64,
    #[serde(default)]
    stored: u64,
    #[serde(default)]
    missed: u64,
    /// Those refused that a list's places name: place and word, with a colon between.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<String>,
    /// Those refused that are an audience's members: digest and word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused_members: Vec<(ByteBuf, String)>,
    /// Of a last attempt: when it began, in milliseconds; how many recipients; whether they were stored before.
    #[serde(default)]
    began: u64,
    #[serde(default)]
    recipients: u64,
    #[serde(default)]
    was_stored: bool,
    /// Seconds.
    expires_at: u64,
}

pub(crate) fn page_key(job: JobId, page: u32) -> Attributes {
    key_of(job_partition(job), page_sort_key(page))
}

fn page_sort_key(page: u32) -> String {
    format!("{PAGE}{page:08}")
}

pub(crate) fn is_page(item: &Attributes) -> bool {
    item.get("sk").and_then(|sk| sk.as_s().ok()).is_some_and(|sk| sk.starts_with(PAGE))
}

impl PageRow {
    pub(crate) fn item(
        job: JobId,
        page: u32,
        state: &PageState,
        expires: Timestamp,
    ) -> Result<Attributes, StoreError> {
        let row = Self {
            pk: job_partition(job),
            sk: page_sort_key(page),
            expires_at: expires.as_secs(),
            ..match state {
                PageState::Stored => Self { state: "stored".to_owned(), ..Self::default() },
                PageState::LastAttempt { began, recipients, stored } => Self {
                    state: "last-attempt".to_owned(),
                    began: began.as_millis(),
                    recipients: *recipients,
                    was_stored: *stored,
                    ..Self::default()
                },
                PageState::Done(tally) => Self::done(tally),
            }
        };
        item(TABLE, &row)
    }

    fn done(tally: &Tally) -> Self {
        let (mut refused, mut refused_members) = (Vec::new(), Vec::new());
        for RefusedRecipient { who, kind } in &tally.refused {
            match who {
                Who::Index(index) => refused.push(format!("{index}:{kind}")),
                Who::Member(token) => {
                    refused_members.push((ByteBuf::from(*token.as_bytes()), kind.to_string()));
                }
            }
        }
        Self {
            state: "done".to_owned(),
            posted: tally.posted,
            stored: tally.stored,
            missed: tally.missed,
            refused,
            refused_members,
            ..Self::default()
        }
    }

    pub(crate) fn read(item: Attributes) -> Result<PageState, StoreError> {
        let row: Self = row(TABLE, item)?;
        match row.state.as_str() {
            "stored" => Ok(PageState::Stored),
            "last-attempt" => Ok(PageState::LastAttempt {
                began: Timestamp::from_millis(row.began),
                recipients: row.recipients,
                stored: row.was_stored,
            }),
            "done" => Ok(PageState::Done(row.tally()?)),
            _ => Err(malformed(TABLE, "a page's state is unknown")),
        }
    }

    fn tally(self) -> Result<Tally, StoreError> {
        let kind = |word: &str| {
            RefusalKind::from_word(word).ok_or_else(|| malformed(TABLE, "a kind of refusal is unknown"))
        };
        let mut refused = Vec::with_capacity(self.refused.len() + self.refused_members.len());
        for text in &self.refused {
            let (index, word) = text.split_once(':').unwrap_or_default();
            let index = index.parse().map_err(|error| malformed(TABLE, error))?;
            refused.push(RefusedRecipient { who: Who::Index(index), kind: kind(word)? });
        }
        for (token, word) in &self.refused_members {
            let token = TokenDigest::from_bytes(token);
            let token = token.ok_or_else(|| malformed(TABLE, "a digest has not 32 bytes"))?;
            refused.push(RefusedRecipient { who: Who::Member(token), kind: kind(word)? });
        }
        Ok(Tally { posted: self.posted, stored: self.stored, missed: self.missed, refused })
    }
}
