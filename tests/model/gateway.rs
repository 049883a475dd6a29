//! API Gateway's part: events, which may come late, run twice, or die in the middle.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use signalbox_local_aws::{PostError, Scope};

use crate::dice::{Dice, derive};
use crate::facts::{Event, Run, What};
use crate::functions::{DEADLINE, Task};
use crate::mood::Mood;
use crate::requests;
use crate::world::World;

/// A vanished connection is noticed after so many seconds at most.
const NOTICED: u64 = 60;

impl World {
    /// Notes an event, without a run yet.
    pub fn note(&self, what: What) -> usize {
        let mut facts = self.facts.lock().unwrap();
        let (sent, at) = (facts.tick(), self.now());
        let id = format!("e{:05}=", facts.events.len());
        facts.events.push(Event { what, id, at, sent, runs: Vec::new(), over: None });
        self.under_way.fetch_add(1, Ordering::SeqCst);
        facts.events.len() - 1
    }

    /// Sends something to the service, and waits for nothing.
    pub fn send(&self, what: What, seed: u64) {
        let event = self.note(what);
        tokio::spawn(self.me().perform(event, seed));
    }

    /// Runs an event, and waits for its first run. What else comes of it goes on by itself.
    pub async fn perform(self: Arc<Self>, event: usize, seed: u64) {
        let mood = self.mood();
        let mut dice = Dice::new(seed);
        let disconnect = matches!(self.facts.lock().unwrap().events[event].what, What::Disconnect { .. });
        let late = if disconnect { mood.disconnect_late } else { mood.late };
        pause(dice.below(late + 1)).await;
        let beside = dice.chance(mood.beside).then(|| {
            let (this, mood, head_start) = (self.clone(), mood.clone(), dice.below(4));
            tokio::spawn(async move {
                pause(head_start).await;
                this.run(event, &mood, derive(seed, 1)).await
            })
        });
        let done = self.clone().run(event, &mood, derive(seed, 2)).await;
        let again = dice.chance(if done { mood.again } else { 0.5 });
        let after = match dice.below(3) {
            0 => dice.below(20),
            1 => dice.below(5_000),
            _ => dice.below(60_000 * (mood.again_minutes + 1)),
        };
        tokio::spawn(async move {
            if let Some(beside) = beside {
                let _ = beside.await;
            }
            if again {
                pause(after).await;
                self.clone().run(event, &mood, derive(seed, 3)).await;
            }
            // What was given up has its effect a few seconds later at most.
            sleep(Duration::from_secs(5)).await;
            let mut facts = self.facts.lock().unwrap();
            let tick = facts.tick();
            facts.events[event].over = Some(tick);
            self.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }

    /// One run; says whether it came to its end.
    pub async fn run(self: Arc<Self>, event: usize, mood: &Mood, seed: u64) -> bool {
        let mut dice = Dice::new(seed);
        let dies_at =
            if dice.chance(mood.dies) { u32::try_from(1 + dice.below(14)).expect("small") } else { 0 };
        let skew = i64::try_from(dice.below(2 * mood.skew + 1)).expect("small")
            - i64::try_from(mood.skew).expect("small");
        let skew = if dice.chance(0.5) { skew } else { 0 };
        let (run, task) = self.begin(event, skew);
        let scope = Scope::new(run as u64, mood.habits.clone(), dice.seed(), dies_at);
        let work = {
            let (scope, functions) = (scope.clone(), self.functions());
            async move { scope.run(Box::pin(tokio::time::timeout(DEADLINE, functions.handle(task)))).await }
        };
        let job = tokio::spawn(work);
        self.running.lock().unwrap().push((run, job.abort_handle()));
        let done = job.await;
        self.running.lock().unwrap().retain(|(other, _)| *other != run);
        let answered = {
            let mut facts = self.facts.lock().unwrap();
            let tick = facts.tick();
            facts.runs[run].met = scope.met();
            match done {
                Ok(Some(Ok(answer))) => {
                    facts.runs[run].ended = Some(tick);
                    facts.runs[run].answer = Some(answer.clone());
                    Some(answer)
                }
                Err(error) if error.is_panic() => {
                    facts.wrong.push(format!("event {event} panicked: {error}"));
                    None
                }
                // It died, on its own or by a restart, or took too long.
                Ok(_) | Err(_) => None,
            }
        };
        let Some(answer) = answered else { return false };
        let link = match self.facts.lock().unwrap().events[event].what {
            What::Register { link, .. } | What::Unregister { link, .. } | What::Ping { link } => Some(link),
            _ => None,
        };
        if let Some(link) = link
            && !answer.body.is_empty()
            && answer.status == 200
        {
            // The route's response.
            let id = self.facts.lock().unwrap().links[link].id.clone();
            let body = serde_json::from_str(&answer.body).expect("an answer is JSON");
            let _ = self.cross(&id, &body, Some(run));
        }
        true
    }

    fn begin(&self, event: usize, skew: i64) -> (usize, Task) {
        let mut facts = self.facts.lock().unwrap();
        let began = facts.tick();
        let run = facts.runs.len();
        facts.runs.push(Run {
            event,
            began,
            at: self.now(),
            ended: None,
            skew,
            answer: None,
            met: 0,
            pages: Vec::new(),
            closes: Vec::new(),
        });
        facts.events[event].runs.push(run);
        let now = self.now().saturating_add_signed(skew);
        (run, requests::task(&facts, event, now, |server| self.sign(server)))
    }

    /// A connection comes to its end; `$disconnect` is best effort.
    pub fn close(&self, connection: &str, by_service: bool) -> Result<(), PostError> {
        let link = {
            let mut facts = self.facts.lock().unwrap();
            let tick = facts.tick();
            let link = facts.link_of(connection).ok_or(PostError::Gone)?;
            if facts.links[link].closed.is_some() {
                return Err(PostError::Gone);
            }
            facts.links[link].closed = Some(tick);
            facts.links[link].by_service = by_service;
            link
        };
        let seed = derive(link as u64, 0xd15c);
        if !Dice::new(seed).chance(self.mood().no_disconnect) {
            self.send(What::Disconnect { link }, seed);
        }
        self.gone(link, by_service);
        Ok(())
    }

    /// The terminal is gone without a word. API Gateway finds out some time later.
    pub fn vanish(&self, link: usize, seed: u64) {
        let id = {
            let mut facts = self.facts.lock().unwrap();
            let tick = facts.tick();
            facts.links[link].vanished = Some(tick);
            facts.links[link].id.clone()
        };
        let world = self.me();
        self.under_way.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(async move {
            sleep(Duration::from_secs(Dice::new(seed).below(NOTICED))).await;
            let _ = world.close(&id, false);
            world.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

pub async fn pause(millis: u64) {
    if millis > 0 {
        sleep(Duration::from_millis(millis)).await;
    }
}
