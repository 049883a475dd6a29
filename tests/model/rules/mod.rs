//! What must hold of every history: the requirements (R) and promises (I), judged by what terminals and senders saw.

mod answers;
mod frames;
mod messages;
mod owed;
mod sessions;

use std::collections::HashMap;

use crate::facts::{Event, Facts, Link, Millis, Push, Run, Tick, What};
use crate::play::History;

/// A function's clock may be so far off, and API Gateway's time is a moment before the function's.
const CLOCKS: Millis = 6_000;

pub struct Judge<'h> {
    facts: &'h Facts,
    by_data: HashMap<&'h str, usize>,
    /// The versions under which each push has come.
    versions: HashMap<usize, String>,
    wrong: Vec<String>,
}

/// Everything that is wrong with a history.
pub fn judge(history: &History) -> Vec<String> {
    let facts = &history.facts;
    let mut judge =
        Judge { facts, by_data: facts.by_data(), versions: HashMap::new(), wrong: facts.wrong.clone() };
    judge.frames();
    judge.answers();
    judge.owed();
    judge.left(&history.left);
    judge.wrong
}

impl<'h> Judge<'h> {
    fn accuse(&mut self, promise: &str, what: impl std::fmt::Display) {
        self.wrong.push(format!("{promise}: {what}"));
    }

    fn event(&self, event: usize) -> &'h Event {
        &self.facts.events[event]
    }

    fn push(&self, event: usize) -> &'h Push {
        match &self.event(event).what {
            What::Push(push) => push,
            other => unreachable!("event {event} is no push but {other:?}"),
        }
    }

    fn run(&self, run: usize) -> &'h Run {
        &self.facts.runs[run]
    }

    fn link(&self, link: usize) -> &'h Link {
        &self.facts.links[link]
    }

    /// The events of this kind, with what they are.
    fn events<T>(&self, of: impl Fn(&'h What) -> Option<T>) -> impl Iterator<Item = (usize, &'h Event, T)> {
        let events = self.facts.events.iter().enumerate();
        events.filter_map(move |(index, event)| Some((index, event, of(&event.what)?)))
    }

    /// When the first run came to an end that this says was good.
    fn done(&self, event: usize, good: impl Fn(&Run, u16, &str) -> bool) -> Option<Tick> {
        let answers = self.facts.answers(event);
        let good = answers.into_iter().find(|(run, answer)| good(run, answer.status, &answer.body));
        good.and_then(|(run, _)| run.ended)
    }

    /// When nothing more could come of an event: when it was done, or all of its runs were over.
    fn settled(&self, event: usize, done: Option<Tick>) -> Tick {
        done.or(self.event(event).over).unwrap_or(Tick::MAX)
    }

    /// The `hello` events of a terminal, by the uaid that it had or got.
    fn hellos(&self, uaid: &'h str) -> impl Iterator<Item = (usize, &'h Event, usize)> {
        self.events(|what| match what {
            What::Hello { link, uaid, .. } => Some((*link, uaid.as_deref())),
            _ => None,
        })
        .filter(move |(_, _, (link, said))| {
            *said == Some(uaid) || self.link(*link).uaid.as_deref() == Some(uaid)
        })
        .map(|(index, event, (link, _))| (index, event, link))
    }

    /// Whether some run of the event ended before it was through, or met more than its calls ride out by themselves.
    fn broke_off(&self, event: usize) -> bool {
        self.event(event).runs.iter().any(|run| self.run(*run).answer.is_none() || self.run(*run).met >= 3)
    }
}
