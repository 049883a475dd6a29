use super::{CLOCKS, Judge};
use crate::facts::{Millis, Tick, What};

/// Why a message must not come any more.
pub(super) type Over = (&'static str, Tick);

impl<'h> Judge<'h> {
    /// The acknowledgements of a version, by their code.
    pub(super) fn acks(&self, version: &'h str) -> impl Iterator<Item = (usize, Tick, u16)> {
        self.events(move |what| match what {
            What::Ack { versions, code, .. } if versions.iter().any(|of| of == version) => Some(*code),
            _ => None,
        })
        .map(|(index, event, code)| (index, event.sent, code))
    }

    /// When an acknowledgement was surely kept. One that could not be kept closes the connection.
    pub(super) fn kept(&self, ack: usize) -> Option<Tick> {
        self.done(ack, |run, status, _| status == 200 && run.closes.is_empty())
    }

    pub(super) fn withdrawals(&self, push: usize) -> impl Iterator<Item = (usize, Tick)> {
        self.events(move |what| match what {
            What::Withdraw { push: of, .. } if *of == push => Some(()),
            _ => None,
        })
        .map(|(index, event, ())| (index, event.sent))
    }

    /// The newer pushes of the same topic.
    pub(super) fn newer_of_topic(&self, push: usize) -> Vec<usize> {
        let of = self.push(push);
        if of.asked.topic.is_none() {
            return Vec::new();
        }
        let mid = self.facts.mid(push);
        let others = self.facts.pushes().filter(|(index, other)| {
            *index != push
                && other.token.uaid == of.token.uaid
                && other.token.channel == of.token.channel
                && other.asked.topic == of.asked.topic
                && self.facts.mid(*index) > mid
        });
        others.map(|(index, _)| index).collect()
    }

    /// Whether every run of a push was refused for good, so that nothing of it can have crossed or been kept.
    pub(super) fn refused(&self, push: usize) -> bool {
        let runs = &self.event(push).runs;
        runs.iter().all(|run| {
            let answer = self.run(*run).answer.as_ref();
            answer.is_some_and(|answer| (400..500).contains(&answer.status))
        })
    }

    pub(super) fn accepted(&self, push: usize) -> Option<Tick> {
        let (tick, answer) = self.facts.answered(push)?;
        matches!(answer.status, 201 | 202).then_some(tick)
    }

    /// Since when a message must not be delivered by what begins later, and why. A put of it that took effect after the
    /// removal has begun brings it back: of the client's repetition after a lost answer, or of the push that runs again.
    pub(super) fn over_since(&self, push: usize, version: Option<&'h str>) -> Vec<Over> {
        let mut over = Vec::new();
        if let Some(dead) = self.dead_since(&self.push(push).token) {
            over.push(("its session has ended (I5)", dead));
        }
        let mid = self.facts.mid(push);
        // What is not kept is posted by the push itself alone, which may run again.
        let transient = self.push(push).asked.ttl == 0;
        let brought_back =
            |since: Tick| transient || self.facts.puts.iter().any(|(at, of)| *at > since && *of == mid);
        if let Some(version) = version {
            for (ack, sent, _) in self.acks(version) {
                if let Some(kept) = self.kept(ack)
                    && !brought_back(sent)
                {
                    over.push(("it was acknowledged (I2)", kept));
                }
            }
        }
        for (withdrawal, sent) in self.withdrawals(push) {
            if let Some(done) = self.done(withdrawal, |_, status, _| status == 204)
                && !brought_back(sent)
            {
                over.push(("it was withdrawn", done));
            }
        }
        let answered = self.accepted(push).unwrap_or(Tick::MAX);
        for newer in self.newer_of_topic(push) {
            let sent = self.event(newer).sent;
            if let Some(accepted) = self.accepted(newer)
                && sent > answered
                && !brought_back(sent)
            {
                over.push(("a newer one of its topic has replaced it (I4)", accepted));
            }
        }
        over
    }

    /// The earliest and the latest moment at which it may expire.
    pub(super) fn expires(&self, push: usize) -> (Millis, Millis) {
        let event = self.event(push);
        let ttl = u64::from(self.push(push).asked.ttl) * 1_000;
        let last_run = event.runs.iter().map(|run| self.run(*run).at).max().unwrap_or(event.at);
        ((event.at + ttl).saturating_sub(CLOCKS), last_run + ttl + CLOCKS)
    }

    /// Whether the message is surely there to be delivered at `at`, but for the end of its session: it was accepted to be
    /// kept, and nothing that has begun before `until` can have removed it.
    pub(super) fn is_kept(&self, push: usize, version: Option<&'h str>, until: Tick, at: Millis) -> bool {
        let of = self.push(push);
        of.asked.ttl > 0
            && self.accepted(push).is_some_and(|accepted| accepted < until)
            && self.expires(push).0 > at
            && version.is_none_or(|version| self.acks(version).all(|(_, sent, _)| sent >= until))
            && self.withdrawals(push).all(|(_, sent)| sent >= until)
            && self
                .newer_of_topic(push)
                .into_iter()
                .all(|newer| self.refused(newer) || self.event(newer).sent >= until)
    }
}
