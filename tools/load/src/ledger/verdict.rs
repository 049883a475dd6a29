use std::collections::BTreeMap;

use serde::Serialize;

use super::{Answer, Ledger};

/// What must become of accepted messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// Each arrives.
    Each,
    /// Each may arrive or not: TTL 0 to a terminal that is there, or the terminals were not asked.
    Any,
    /// None arrives: TTL 0 to an absent terminal.
    None,
    /// The last of each topic arrives; it may have replaced the ones before. Topics take turns.
    LastOfTopic(u64),
}

/// What became of the messages.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) posted: u64,
    pub(crate) accepted: u64,
    /// Different messages.
    pub(crate) arrived: u64,
    /// Accepted, should have arrived and have not.
    pub(crate) lost: u64,
    /// Accepted and not arrived, which is allowed.
    pub(crate) not_delivered: u64,
    /// Arrived again under the same version, which is allowed.
    pub(crate) repeated: u64,
    /// Arrived again under another version.
    pub(crate) doubled: u64,
    /// Arrived behind a later one of their session.
    pub(crate) out_of_order: u64,
    /// Pairs of messages of one session with the same version.
    pub(crate) shared_versions: u64,
    /// Arrived without having been posted, though the post was refused, or though nothing should have arrived.
    pub(crate) unwanted: u64,
    /// Arrived though they were not answered with 201 or 202; a 5xx and a broken connection allow it.
    pub(crate) arrived_unaccepted: u64,
    /// Posts that were answered with another status below 500.
    pub(crate) refused: u64,
    /// Posts that were answered with 5xx or not at all.
    pub(crate) unclear: u64,
    /// Sessions of which the order could not be checked.
    pub(crate) order_unchecked: u64,
    /// Arrived at another terminal or under another channel than posted to.
    pub(crate) misrouted: u64,
    /// Arrived with another body than posted.
    pub(crate) damaged: u64,
    /// Arrived with a body that is none of this run. The terminals are the run's own: nobody else has their endpoints.
    pub(crate) foreign: u64,
    /// Terminals whose name the service no longer knew.
    pub(crate) forgotten: u64,
}

/// What is no fault, or is one, as the run is meant.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Tolerance {
    /// Each message comes once: no repeats, under the same version either.
    pub(crate) once: bool,
    /// Posts may be refused, or fail: of a service beyond what it can do.
    pub(crate) refusals: bool,
}

/// What is not as promised, by its name in the verdict, and how often.
pub(crate) type Faults = BTreeMap<&'static str, u64>;

impl Verdict {
    /// None where all is as promised.
    pub(crate) fn faults(&self, tolerance: Tolerance) -> Faults {
        let always = [
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("out_of_order", self.out_of_order),
            ("shared_versions", self.shared_versions),
            ("unwanted", self.unwanted),
            ("misrouted", self.misrouted),
            ("damaged", self.damaged),
            ("foreign", self.foreign),
            ("forgotten", self.forgotten),
        ];
        let repeats = [("repeated", self.repeated)].into_iter().filter(|_| tolerance.once);
        let refusals = [("refused", self.refused), ("unclear", self.unclear)];
        let refusals = refusals.into_iter().filter(|_| !tolerance.refusals);
        always.into_iter().chain(repeats).chain(refusals).filter(|&(_, count)| count > 0).collect()
    }

    /// Adds what became of other sessions' messages.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.posted += other.posted;
        self.accepted += other.accepted;
        self.arrived += other.arrived;
        self.lost += other.lost;
        self.not_delivered += other.not_delivered;
        self.repeated += other.repeated;
        self.doubled += other.doubled;
        self.out_of_order += other.out_of_order;
        self.shared_versions += other.shared_versions;
        self.unwanted += other.unwanted;
        self.arrived_unaccepted += other.arrived_unaccepted;
        self.order_unchecked += other.order_unchecked;
        self.misrouted += other.misrouted;
        self.damaged += other.damaged;
        self.foreign += other.foreign;
        self.refused += other.refused;
        self.unclear += other.unclear;
        self.forgotten += other.forgotten;
    }

    /// Adds what became of one session's messages.
    pub(crate) fn add(&mut self, ledger: &Ledger, expectation: Expectation) {
        // Topics have places of their own in what waits.
        if !matches!(expectation, Expectation::LastOfTopic(_)) {
            self.out_of_order += ledger.out_of_order;
        }
        self.order_unchecked += u64::from(ledger.order_unchecked);
        self.unwanted += ledger.invented;
        self.shared_versions += shared_versions(ledger);
        self.posted += ledger.messages.len() as u64;
        for (number, message) in ledger.messages.iter().enumerate() {
            let accepted = message.answer == Answer::Accepted;
            let refused = message.answer == Answer::Refused;
            self.accepted += u64::from(accepted);
            self.refused += u64::from(refused);
            self.unclear += u64::from(message.answer == Answer::Unknown);
            self.repeated += u64::from(message.repeats);
            self.doubled += u64::from(message.doubles);
            if message.has_arrived() {
                self.arrived += 1;
                self.arrived_unaccepted += u64::from(!accepted);
                self.unwanted += u64::from(refused || expectation == Expectation::None);
            } else if accepted {
                let expected = match expectation {
                    Expectation::Each => true,
                    Expectation::Any | Expectation::None => false,
                    Expectation::LastOfTopic(topics) => is_last_of_topic(ledger, number, topics),
                };
                let count = if expected { &mut self.lost } else { &mut self.not_delivered };
                *count += 1;
            }
        }
    }
}

/// Whether nothing behind it can have replaced it. A post without a clear answer may have.
fn is_last_of_topic(ledger: &Ledger, number: usize, topics: u64) -> bool {
    let step = usize::try_from(topics).unwrap_or(usize::MAX).max(1);
    let mut later = ledger.messages.iter().skip(number).step_by(step).skip(1);
    later.all(|message| message.answer == Answer::Refused)
}

fn shared_versions(ledger: &Ledger) -> u64 {
    let arrived = ledger.messages.iter().filter(|message| message.has_arrived());
    let mut versions: Vec<u64> = arrived.map(|message| message.version).collect();
    versions.sort_unstable();
    versions.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}
