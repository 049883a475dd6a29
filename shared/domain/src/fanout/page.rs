use std::ops::Range;

use signalbox_wire::ChannelId;

use super::{JobId, RefusedRecipient};
use crate::{Payload, TerminalId, TokenClaims, TokenDigest};

/// A session, and the token that was shown for it, as a digest: what is needed to evaluate it (R14) and no right to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addressee {
    /// The session's terminal.
    pub terminal: TerminalId,
    /// The session's channel.
    pub channel: ChannelId,
    /// The token.
    pub token: TokenDigest,
}

impl Addressee {
    /// Of a token that has been opened.
    #[must_use]
    pub fn of(claims: &TokenClaims, token: &str) -> Self {
        Self { terminal: claims.terminal, channel: claims.channel, token: TokenDigest::of(token) }
    }
}

/// A recipient that a request has listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its place in the list.
    pub index: u32,
    /// Who.
    pub addressee: Addressee,
    /// What it alone gets, instead of what all get.
    pub payload: Option<Payload>,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its number in the job.
    pub number: u32,
    /// Its recipients.
    pub recipients: Vec<Listed>,
    /// What was refused of its part of the list when the job was accepted.
    pub refused: Vec<RefusedRecipient>,
}

/// Something to do for a job, as the queue of pages holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// A page of a list.
    Listed {
        /// The job.
        job: JobId,
        /// The page.
        page: Page,
    },
    /// Pages of an audience: each is a part of all terminal ids. More than one are put into the queue one by one.
    Parts {
        /// The job.
        job: JobId,
        /// Their numbers.
        pages: Range<u32>,
    },
    /// The members of an audience that has been deleted are to be removed.
    Sweep {
        /// The audience.
        audience: super::Audience,
    },
}

/// Cuts a list into pages.
#[derive(Debug)]
pub struct Pages {
    most: usize,
    most_bytes: usize,
    done: Vec<Page>,
    open: Page,
    bytes: usize,
}

/// What a recipient takes beside its body, in bytes of the queue's message: more than it does.
const RECIPIENT_BYTES: usize = 200;

impl Pages {
    /// Pages of at most so many recipients, and about so many bytes.
    #[must_use]
    pub fn new(most: usize, most_bytes: usize) -> Self {
        let open = Page { number: 0, recipients: Vec::new(), refused: Vec::new() };
        Self { most, most_bytes, done: Vec::new(), open, bytes: 0 }
    }

    /// Adds a recipient, or what it was refused for.
    pub fn add(&mut self, recipient: Result<Listed, RefusedRecipient>) {
        let body = match &recipient {
            Ok(Listed { payload: Some(payload), .. }) => payload.body().len() * 4 / 3,
            _ => 0,
        };
        let (count, bytes) = (self.open.recipients.len() + self.open.refused.len(), RECIPIENT_BYTES + body);
        if count > 0 && (count >= self.most || self.bytes + bytes > self.most_bytes) {
            self.turn();
        }
        self.bytes += bytes;
        match recipient {
            Ok(listed) => self.open.recipients.push(listed),
            Err(refused) => self.open.refused.push(refused),
        }
    }

    fn turn(&mut self) {
        let next = Page { number: self.open.number + 1, recipients: Vec::new(), refused: Vec::new() };
        self.done.push(std::mem::replace(&mut self.open, next));
        self.bytes = 0;
    }

    /// All pages.
    #[must_use]
    pub fn finish(mut self) -> Vec<Page> {
        if !(self.open.recipients.is_empty() && self.open.refused.is_empty()) {
            self.turn();
        }
        self.done
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Encoding, RefusalKind, Who};

    fn listed(index: u32, body: usize) -> Listed {
        let terminal = TerminalId::from_bytes([1; 16]);
        let (channel, token) = (ChannelId::from_bytes([2; 16]), TokenDigest::of("t"));
        let payload = (body > 0).then(|| Payload::from_stored(vec![0; body], Encoding::Identity));
        Listed { index, addressee: Addressee { terminal, channel, token }, payload }
    }

    proptest! {
        /// R40: each recipient is on just one page, in the list's order; pages are numbered and within their limits.
        #[test]
        fn a_list_is_cut_into_pages_without_loss(list in proptest::collection::vec((any::<bool>(), 0..5_000_usize), 0..400)) {
            let mut pages = Pages::new(50, 64 * 1024);
            for (index, (good, body)) in list.iter().enumerate() {
                let index = u32::try_from(index).unwrap();
                pages.add(if *good {
                    Ok(listed(index, *body))
                } else {
                    Err(RefusedRecipient { who: Who::Index(index), kind: RefusalKind::TokenUnknown })
                });
            }
            let pages = pages.finish();
            let mut seen = Vec::new();
            for (number, page) in pages.iter().enumerate() {
                prop_assert_eq!(page.number as usize, number);
                let mut here: Vec<_> = page.recipients.iter().map(|listed| listed.index).collect();
                let bodies: usize = page.recipients.iter().filter_map(|l| l.payload.as_ref()).map(|p| p.body().len()).sum();
                prop_assert!(bodies <= 64 * 1024);
                here.extend(page.refused.iter().map(|refused| match refused.who {
                    Who::Index(index) => index,
                    Who::Member(_) => unreachable!(),
                }));
                here.sort_unstable();
                prop_assert!((1..=50).contains(&here.len()));
                seen.extend(here);
            }
            prop_assert_eq!(seen, (0..u32::try_from(list.len()).unwrap()).collect::<Vec<_>>());
        }
    }
}
