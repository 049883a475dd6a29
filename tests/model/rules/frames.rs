use std::collections::{HashMap, HashSet};

use super::{CLOCKS, Judge};
use crate::facts::{Frame, Tick, What};
use crate::requests::channel;

/// From the look at the clock to the last attempt of a post.
const POSTING: u64 = 10_000;
/// A terminal without a session is forgotten after a day.
const FORGOTTEN: u64 = 24 * 3_600_000;

impl<'h> Judge<'h> {
    /// What crossed.
    pub(super) fn frames(&mut self) {
        let facts = self.facts;
        let mut configured: HashSet<usize> = HashSet::new();
        let mut under: HashMap<&str, usize> = HashMap::new();
        for frame in &facts.frames {
            match frame.kind() {
                "hello" => {
                    configured.insert(frame.link);
                    self.configuring(frame);
                }
                "notification" => {
                    if !configured.contains(&frame.link) {
                        self.accuse("I3", format!("a notification before the hello's answer: {frame:?}"));
                    }
                    let Some(push) =
                        self.by_data.get(frame.body["data"].as_str().unwrap_or_default()).copied()
                    else {
                        self.accuse("R20", format!("a notification that nobody sent: {frame:?}"));
                        continue;
                    };
                    let first = self.versions.entry(push).or_insert_with(|| frame.version().to_owned());
                    if first != frame.version() {
                        self.accuse("I2", format!("push {push} comes under two versions"));
                    }
                    if *under.entry(frame.version()).or_insert(push) != push {
                        self.accuse("I2", format!("push {push} comes under another's version"));
                    }
                    self.notification(frame, push);
                }
                _ => {}
            }
        }
        self.drains();
    }

    /// When the look was that a frame follows from: the page that its run had read when it first sent this, or the run's
    /// beginning. An attempt that was given up may cross after others that were made later.
    fn looked(&self, frame: &Frame) -> Tick {
        let Some(run) = frame.run else { return frame.tick };
        let same = |of: &&Frame| of.run == Some(run) && of.body["data"] == frame.body["data"];
        let first = self.facts.frames.iter().find(same).map_or(frame.tick, |first| first.tick);
        let run = self.run(run);
        *run.pages.iter().rev().find(|page| **page < first).unwrap_or(&run.began)
    }

    fn notification(&mut self, frame: &'h Frame, push: usize) {
        let of = self.push(push);
        let link = self.link(frame.link);
        if link.uaid.as_ref() != Some(&of.token.uaid)
            || frame.body["channelID"] != channel(of.token.channel).as_str()
        {
            self.accuse("R22", format!("push {push} comes to another application: {frame:?}"));
        }
        if self.refused(push) {
            self.accuse("R21", format!("push {push} was refused and comes"));
        }
        if of.asked.urgency < link.minimum {
            self.accuse("RFC 8030 5.3", format!("push {push} is less urgent than what is wanted"));
        }
        let looked = self.looked(frame);
        for (why, since) in self.over_since(push, Some(frame.version())) {
            if since < looked {
                self.accuse("over", format!("push {push} comes at {} though {why} at {since}", frame.tick));
            }
        }
        if of.asked.ttl > 0 && frame.at > self.expires(push).1 + POSTING {
            self.accuse("RFC 8030 5.2", format!("push {push} comes after it has expired"));
        }
    }

    /// A configuring message: the same uaid as was asked for, unless its terminal may be forgotten.
    fn configuring(&mut self, frame: &Frame) {
        let Some(run) = frame.run else { return };
        let What::Hello { uaid: Some(asked), .. } = &self.event(self.run(run).event).what else { return };
        if frame.body["uaid"] == asked.as_str() {
            return;
        }
        let began = self.run(run).began;
        let made =
            self.facts.frames.iter().find(|of| of.kind() == "hello" && of.body["uaid"] == asked.as_str());
        let old_enough = made.is_some_and(|made| made.at + FORGOTTEN < frame.at + CLOCKS + POSTING);
        let has_session = self
            .events(|what| match what {
                What::Register { link, .. } => Some(*link),
                _ => None,
            })
            .any(|(event, _, link)| {
                self.link(link).uaid.as_ref() == Some(asked)
                    && self
                        .done(event, |_, _, body| super::sessions::has_status_200(body))
                        .is_some_and(|done| done < began)
            });
        if has_session || !old_enough {
            self.accuse(
                "a new uaid only when true",
                format!("{asked} was asked for, and is known: {frame:?}"),
            );
        }
    }

    /// I4: the order within one drain.
    fn drains(&mut self) {
        let mut drains: HashMap<usize, Vec<usize>> = HashMap::new();
        for frame in &self.facts.frames {
            let (Some(run), Some(push)) =
                (frame.run, self.by_data.get(frame.body["data"].as_str().unwrap_or_default()))
            else {
                continue;
            };
            let drain = drains.entry(run).or_default();
            if self.push(*push).asked.topic.is_none() && !drain.contains(push) {
                drain.push(*push);
            }
        }
        for (run, drain) in drains {
            for (place, later) in drain.iter().enumerate() {
                let before = &drain[..place];
                let overtaken = before.iter().find(|earlier| {
                    self.accepted(*later).is_some_and(|accepted| accepted < self.event(**earlier).sent)
                });
                if let Some(earlier) = overtaken {
                    self.accuse("I4", format!("run {run} sends push {earlier} before push {later}"));
                }
            }
        }
    }
}
