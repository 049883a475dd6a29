use serde::{Deserialize, Serialize};
use signalbox_domain::{
    Addressee, Audience, Encoding, JobId, Listed, Page, Payload, RefusalKind, RefusedRecipient, TokenDigest,
    Who, Work,
};
use signalbox_wire::{ChannelId, base64url};

/// A message of the queue of pages that is none of ours.
#[derive(Debug, thiserror::Error)]
pub enum InvalidWork {
    /// Not the JSON that it must be.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Of that form, but something in it is wrong.
    #[error("its {0} is malformed")]
    Member(&'static str),
}

/// As it is written. It holds no secret but the payloads: of tokens it has digests.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Row {
    Listed(ListedRow),
    Parts(PartsRow),
    Sweep(SweepRow),
}

#[derive(Serialize, Deserialize)]
struct ListedRow {
    job: String,
    page: u32,
    recipients: Vec<RecipientRow>,
    /// The place in the list, and the kind's word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    refused: Vec<(u32, String)>,
}

#[derive(Serialize, Deserialize)]
struct RecipientRow {
    index: u32,
    terminal: String,
    channel: ChannelId,
    token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct PartsRow {
    job: String,
    from: u32,
    to: u32,
}

#[derive(Serialize, Deserialize)]
struct SweepRow {
    owner: String,
    name: String,
    generation: u64,
}

/// Writes it down for the queue.
///
/// # Errors
/// Where it cannot be JSON, which is nowhere.
pub(crate) fn write(work: &Work) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Row::from(work))
}

/// Reads what the queue of pages holds.
///
/// # Errors
/// [`InvalidWork`].
pub fn read(text: &str) -> Result<Work, InvalidWork> {
    serde_json::from_str::<Row>(text)?.work()
}

impl From<&Work> for Row {
    fn from(work: &Work) -> Self {
        match work {
            Work::Listed { job, page } => Self::Listed(ListedRow {
                job: job.to_string(),
                page: page.number,
                recipients: page.recipients.iter().map(RecipientRow::from).collect(),
                refused: page.refused.iter().filter_map(refused).collect(),
            }),
            Work::Parts { job, pages } => {
                Self::Parts(PartsRow { job: job.to_string(), from: pages.start, to: pages.end })
            }
            Work::Sweep { audience } => Self::Sweep(SweepRow {
                owner: audience.owner.to_string(),
                name: audience.name.as_str().to_owned(),
                generation: audience.generation,
            }),
        }
    }
}

fn refused(refused: &RefusedRecipient) -> Option<(u32, String)> {
    match refused.who {
        Who::Index(index) => Some((index, refused.kind.to_string())),
        // Members are known by the page that reads them, and not before.
        Who::Member(_) => None,
    }
}

impl From<&Listed> for RecipientRow {
    fn from(listed: &Listed) -> Self {
        let payload = listed.payload.as_ref();
        Self {
            index: listed.index,
            terminal: listed.addressee.terminal.to_string(),
            channel: listed.addressee.channel,
            token: base64url::encode(listed.addressee.token.as_bytes()),
            body: payload.map(|payload| base64url::encode(payload.body())),
            encoding: payload.map(|payload| payload.encoding().as_str().to_owned()),
        }
    }
}

impl Row {
    fn work(self) -> Result<Work, InvalidWork> {
        match self {
            Self::Listed(row) => {
                let recipients = row.recipients.into_iter().map(RecipientRow::listed);
                let refused = row.refused.into_iter().map(|(index, word)| {
                    let kind = RefusalKind::from_word(&word).ok_or(InvalidWork::Member("refusal"))?;
                    Ok::<_, InvalidWork>(RefusedRecipient { who: Who::Index(index), kind })
                });
                let page = Page {
                    number: row.page,
                    recipients: recipients.collect::<Result<_, _>>()?,
                    refused: refused.collect::<Result<_, _>>()?,
                };
                Ok(Work::Listed { job: job(&row.job)?, page })
            }
            Self::Parts(row) => Ok(Work::Parts { job: job(&row.job)?, pages: row.from..row.to }),
            Self::Sweep(row) => Ok(Work::Sweep {
                audience: Audience {
                    owner: row.owner.parse().map_err(|_| InvalidWork::Member("owner"))?,
                    name: row.name.parse().map_err(|_| InvalidWork::Member("name"))?,
                    generation: row.generation,
                },
            }),
        }
    }
}

fn job(text: &str) -> Result<JobId, InvalidWork> {
    text.parse().map_err(|_| InvalidWork::Member("job"))
}

impl RecipientRow {
    fn listed(self) -> Result<Listed, InvalidWork> {
        let token = base64url::decode(&self.token).ok().and_then(|bytes| TokenDigest::from_bytes(&bytes));
        let payload = match (self.body, self.encoding.as_deref()) {
            (None, _) => None,
            (Some(body), Some(coding)) => {
                let encoding = match coding {
                    "aes128gcm" => Encoding::Aes128Gcm,
                    "identity" => Encoding::Identity,
                    _ => return Err(InvalidWork::Member("encoding")),
                };
                let body = base64url::decode(&body).map_err(|_| InvalidWork::Member("body"))?;
                Some(Payload::from_stored(body, encoding))
            }
            (Some(_), None) => return Err(InvalidWork::Member("encoding")),
        };
        Ok(Listed {
            index: self.index,
            addressee: Addressee {
                terminal: self.terminal.parse().map_err(|_| InvalidWork::Member("terminal"))?,
                channel: self.channel,
                token: token.ok_or(InvalidWork::Member("token"))?,
            },
            payload,
        })
    }
}

#[cfg(test)]
mod tests {
    use signalbox_domain::TerminalId;

    use super::*;

    const JOB: &str = "AAAAAAAAAAAAAAAAAAAAAA";

    fn listed(payload: Option<Payload>) -> Listed {
        let addressee = Addressee {
            terminal: TerminalId::from_bytes([1; 16]),
            channel: ChannelId::from_bytes([2; 16]),
            token: TokenDigest::of("token"),
        };
        Listed { index: 7, addressee, payload }
    }

    #[test]
    fn work_is_written_and_read() {
        let job: JobId = JOB.parse().unwrap();
        let identity = Payload::from_stored(b"to all".to_vec(), Encoding::Identity);
        let sealed = Payload::from_stored(b"sealed".to_vec(), Encoding::Aes128Gcm);
        let refused = RefusedRecipient { who: Who::Index(3), kind: RefusalKind::TokenUnknown };
        let recipients = vec![listed(None), listed(Some(identity)), listed(Some(sealed))];
        let audience = Audience { owner: JOB.parse().unwrap(), name: "news".parse().unwrap(), generation: 3 };
        for work in [
            Work::Listed { job, page: Page { number: 4, recipients, refused: vec![refused] } },
            Work::Parts { job, pages: 3..9 },
            Work::Sweep { audience },
        ] {
            let text = write(&work).unwrap();
            assert_eq!(read(&text).unwrap(), work, "{text}");
        }
    }

    #[test]
    fn what_is_none_of_ours_is_refused() {
        for text in [
            "{}".to_owned(),
            format!(r#"{{"parts":{{"job":"{JOB}"}}}}"#),
            r#"{"parts":{"job":"x","from":0,"to":1}}"#.to_owned(),
            format!(
                r#"{{"listed":{{"job":"{JOB}","page":0,"recipients":[],"refused":[[0,"no-such-kind"]]}}}}"#
            ),
            r#"{"sweep":{"owner":"x","name":"n","generation":0}}"#.to_owned(),
        ] {
            assert!(read(&text).is_err(), "{text}");
        }
    }
}
