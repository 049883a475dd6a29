use super::Judge;
use crate::facts::{Final, Frame, Tick, What};

/// A message that expires while it is looked for is nobody's fault.
const MARGIN: u64 = 300_000;

impl<'h> Judge<'h> {
    pub(super) fn owed(&mut self) {
        self.connected();
        self.losers();
        self.winners();
        self.live();
        for end in &self.facts.final_links {
            self.last_connection(end);
        }
    }

    fn on(&self, link: usize) -> impl Iterator<Item = (&'h Frame, usize)> {
        let frames = self.facts.frames.iter().filter(move |frame| frame.link == link);
        frames.filter_map(|frame| Some((frame, *self.by_data.get(frame.body["data"].as_str()?)?)))
    }

    fn version(&self, push: usize) -> Option<&'h str> {
        let facts = self.facts;
        let data = &self.push(push).data;
        facts.frames.iter().find(|frame| frame.body["data"] == data.as_str()).map(Frame::version)
    }

    /// What a terminal must have got before `until`.
    fn owed_to(&self, uaid: &'h str, until: Tick, at: u64) -> Vec<usize> {
        let pushes = self.facts.pushes().filter(|(index, push)| {
            push.token.uaid == uaid
                && self.is_kept(*index, self.version(*index), until, at + MARGIN)
                && self.goes_on(&push.token, until)
        });
        pushes.map(|(index, _)| index).collect()
    }

    /// I1, I2: at the end everything that is owed comes, and when that is acknowledged, nothing.
    fn last_connection(&mut self, end: &'h Final) {
        let until = self.link(end.link).opened;
        for push in self.owed_to(&end.uaid, until, end.at) {
            if !self.on(end.link).any(|(_, of)| of == push) {
                self.accuse(
                    "I1",
                    format!("push {push} was accepted, is owed to {}, and does not come", end.uaid),
                );
            }
        }
        let again: Vec<_> = self.on(end.after_ack).map(|(_, push)| push).collect();
        if !again.is_empty() {
            self.accuse("I2", format!("pushes {again:?} come again after they were acknowledged"));
        }
    }

    /// I12: once it is quiet, whoever is connected has got everything.
    fn connected(&mut self) {
        let Some(quiet) = self.facts.quiet else { return };
        for (index, link) in self.facts.links.iter().enumerate() {
            let there = |at: Option<Tick>| at.is_none_or(|at| at > quiet.tick);
            let Some(uaid) = &link.uaid else { continue };
            if link.opened > quiet.tick
                || !there(link.closed)
                || !there(link.vanished)
                || self.excused(index, uaid)
            {
                continue;
            }
            for push in self.owed_to(uaid, quiet.tick, quiet.at) {
                let wanted = self.push(push).asked.urgency >= link.minimum;
                if wanted && !self.on(index).any(|(_, of)| of == push) {
                    self.accuse(
                        "I12",
                        format!("push {push} is stored, {} is connected and was not posted it", link.id),
                    );
                }
            }
        }
    }

    /// Known limits of I12 and I7, each by its name: the connection was declared gone falsely; it could not be closed, where that
    /// is what makes its terminal come again; a `hello` of its terminal died on its way or failed for good; a push found
    /// another connection gone, and could not learn that this one has taken over.
    fn excused(&self, link: usize, uaid: &'h str) -> bool {
        let of = self.link(link);
        of.false_gone
            || of.close_failed
            || self.hellos(uaid).any(|(event, ..)| self.broke_off(event))
            || self.facts.pushes().any(|(event, push)| {
                let runs = &self.event(event).runs;
                push.token.uaid == uaid
                    && runs.iter().any(|run| self.run(*run).closes.iter().any(|closed| *closed != of.id))
            })
    }

    /// I7: of two connections of one terminal one is closed.
    fn losers(&mut self) {
        let Some(quiet) = self.facts.quiet else { return };
        for (index, link) in self.facts.links.iter().enumerate() {
            let Some(uaid) = &link.uaid else { continue };
            let there = |at: Option<Tick>| at.is_none_or(|at| at > quiet.tick);
            let newer = self.facts.links.iter().any(|other| {
                other.uaid.as_ref() == Some(uaid)
                    && other.connected > link.connected
                    && other.opened < quiet.tick
                    && there(other.closed)
                    && there(other.vanished)
            });
            if newer
                && link.opened < quiet.tick
                && there(link.closed)
                && there(link.vanished)
                && !self.excused(index, uaid)
            {
                self.accuse("I7", format!("{} was taken over from and is not closed", link.id));
            }
        }
    }

    /// I7: the connection that was made later wins, whoever's `hello` comes last.
    fn winners(&mut self) {
        for (number, run) in self.facts.runs.iter().enumerate() {
            let What::Hello { link, .. } = self.event(run.event).what else { continue };
            let made = self.link(link).connected;
            let newer = |id: &String| self.facts.links.iter().any(|of| of.id == *id && of.connected > made);
            if let Some(closed) = run.closes.iter().find(|id| newer(id)) {
                self.accuse(
                    "I7",
                    format!("the hello of run {number} on link {link} closes {closed}, which is newer"),
                );
            }
        }
    }

    /// I1, R24: what is accepted for a terminal that is surely there has crossed when it is answered.
    fn live(&mut self) {
        for (index, push) in self.facts.pushes() {
            let event = self.event(index);
            let Some(accepted) = self.accepted(index) else { continue };
            let undisturbed =
                event.runs.iter().all(|run| self.run(*run).met == 0 && self.run(*run).ended.is_some());
            let Some(link) = self.surely_on(&push.token.uaid, event.sent, accepted) else { continue };
            let superseded =
                self.newer_of_topic(index).iter().any(|newer| self.event(*newer).sent < accepted);
            if undisturbed
                && !superseded
                && push.asked.urgency >= self.link(link).minimum
                && !self.on(link).any(|(frame, of)| of == index && frame.tick < accepted)
            {
                self.accuse(
                    "R24",
                    format!("push {index} was accepted and has not crossed, though {link} was there"),
                );
            }
        }
    }

    /// The connection that the terminal was on, and known to be on, all the time.
    fn surely_on(&self, uaid: &'h str, from: Tick, until: Tick) -> Option<usize> {
        let under_way: Vec<_> = self.hellos(uaid).filter(|(_, event, _)| event.sent < until).collect();
        let last = under_way.last()?;
        let through = under_way.iter().all(|(_, event, _)| event.over.is_some_and(|over| over < from));
        let link = self.link(last.2);
        let there = |at: Option<Tick>| at.is_none_or(|at| at > until);
        let said = matches!(&last.1.what, What::Hello { .. }) && link.uaid.as_deref() == Some(uaid);
        (through && said && there(link.closed) && there(link.vanished) && !self.excused(last.2, uaid))
            .then_some(last.2)
    }

    /// What is left in the table of messages when all is acknowledged: nothing.
    pub(super) fn left(&mut self, left: &[(String, Vec<String>)]) {
        for (uaid, mids) in left {
            if !mids.is_empty() {
                self.accuse("left", format!("{mids:?} of {uaid} stay when everything is acknowledged"));
            }
        }
    }
}
