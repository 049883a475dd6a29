//! Plays a history: its steps, then peace, then what must come of it.

use std::time::Duration;

use signalbox_wire::base64url;
use tokio::time::sleep;

use crate::dice::derive;
use crate::facts::{Facts, Final, Push, Quiet, Token, What};
use crate::gateway::pause;
use crate::mood::Mood;
use crate::program::{Op, Program, PushOp, TERMINALS};
use crate::world::World;

/// How often a terminal tries to connect at the end, where nothing goes wrong any more.
const TRIES: u64 = 3;

/// All that happened, and what is left in the table of messages at the end, by terminal.
pub struct History {
    pub facts: Facts,
    pub left: Vec<(String, Vec<String>)>,
}

pub async fn play(program: &Program) -> History {
    let world = World::new(program.mood.clone()).await;
    for step in &program.steps {
        pause(step.pause).await;
        world.act(step.op, step.seed).await;
    }
    world.settle().await;
    world.set_mood(Mood::calm());
    world.settle().await;
    {
        let mut facts = world.facts.lock().unwrap();
        let (tick, at) = (facts.tick(), world.now());
        facts.quiet = Some(Quiet { tick, at });
    }
    world.show_every_token(program.seed);
    world.settle().await;
    let mut left = Vec::new();
    for terminal in 0..TERMINALS {
        let Some(uaid) = world.terminals.lock().unwrap()[terminal].uaid.clone() else { continue };
        if world.come_again(terminal, &uaid, derive(program.seed, terminal as u64)).await {
            left.push((uaid.clone(), world.stored(&uaid)));
        }
    }
    let facts = std::mem::take(&mut *world.facts.lock().unwrap());
    History { facts, left }
}

impl World {
    /// Every token that any terminal holds is shown once more, where nothing goes wrong: the answer says whether its session goes
    /// on.
    fn show_every_token(&self, seed: u64) {
        let tokens: Vec<_> =
            self.terminals.lock().unwrap().iter().flat_map(|terminal| terminal.tokens.clone()).collect();
        let asked =
            PushOp { ttl: 7_200, topic: None, urgency: 3, receipt: false, server: Some(0), older: false };
        for (nth, token) in tokens.iter().enumerate() {
            self.push(token, asked, 1, derive(seed, 5_000 + nth as u64));
        }
    }

    /// The terminal's last connections: what is owed comes, and nothing once that is acknowledged.
    async fn come_again(&self, terminal: usize, uaid: &str, seed: u64) -> bool {
        let at = self.now();
        let Some(link) = self.connect_surely(terminal, seed).await else { return false };
        let versions = {
            let facts = self.facts.lock().unwrap();
            let frames = facts.frames.iter().filter(|frame| frame.link == link);
            let mut versions: Vec<_> = frames.map(|frame| frame.version().to_owned()).collect();
            versions.retain(|version| !version.is_empty());
            versions.dedup();
            versions
        };
        self.acknowledge_these(link, versions, 100, seed);
        self.settle().await;
        let Some(after_ack) = self.connect_surely(terminal, derive(seed, 1)).await else { return false };
        let uaid = uaid.to_owned();
        self.facts.lock().unwrap().final_links.push(Final { uaid, link, after_ack, at });
        true
    }

    /// Leaves every connection, makes a new one, and waits for all that comes.
    async fn connect_surely(&self, terminal: usize, seed: u64) -> Option<usize> {
        for attempt in 0..TRIES {
            let slots = self.terminals.lock().unwrap()[terminal].slots;
            for link in slots.into_iter().flatten() {
                let id = self.facts.lock().unwrap().links[link].id.clone();
                let _ = self.close(&id, false);
            }
            sleep(Duration::from_millis(10)).await;
            let link = self.connect(terminal, 0, 0, derive(seed, attempt))?;
            self.settle().await;
            let facts = self.facts.lock().unwrap();
            if facts.links[link].uaid.is_some() && facts.links[link].alive() {
                return Some(link);
            }
        }
        self.facts.lock().unwrap().wrong.push(format!("terminal {terminal} could not connect any more"));
        None
    }

    async fn act(&self, op: Op, seed: u64) {
        match op {
            Op::Connect { terminal, slot, minimum } => {
                self.connect(terminal, slot, minimum, seed);
            }
            Op::SecondHello { terminal, .. } => {
                if let Some(link) = self.ready(terminal) {
                    let uaid = self.facts.lock().unwrap().links[link].uaid.clone();
                    self.send(What::Hello { link, uaid, minimum: 0 }, seed);
                }
            }
            Op::Drop { terminal, slot, vanish } => self.leave(terminal, slot, vanish, seed),
            Op::Register { terminal, channel, words } => {
                if let Some(link) = self.ready(terminal) {
                    self.send(What::Register { link, channel, words }, seed);
                }
            }
            Op::Unregister { terminal, channel } => {
                if let Some(link) = self.ready(terminal) {
                    self.send(What::Unregister { link, channel }, seed);
                }
            }
            Op::Ack { terminal, which, code } => self.acknowledge(terminal, which, code, seed),
            Op::Nack { terminal } => {
                let version = self.terminals.lock().unwrap()[terminal].seen.last().cloned();
                if let (Some(link), Some(version)) = (self.ready(terminal), version) {
                    self.send(What::Nack { link, version }, seed);
                }
            }
            Op::Ping { terminal } => {
                if let Some(link) = self.ready(terminal) {
                    self.send(What::Ping { link }, seed);
                }
            }
            Op::Push { terminal, channel, push, count } => {
                if let Some(token) = self.token(terminal, channel, push.older) {
                    self.push(&token, push, count, seed);
                }
            }
            Op::Withdraw { back } => {
                if let Some((push, url, _)) = self.answered_push(back) {
                    self.send(What::Withdraw { push, url }, seed);
                }
            }
            Op::Receipt { back } => {
                if let Some((push, _, Some(url))) = self.answered_push(back) {
                    self.send(What::Receipt { push, url }, seed);
                }
            }
            Op::Validate { terminal, channel, server } => {
                if let Some(token) = self.token(terminal, channel, false) {
                    self.send(What::Validate { token, server }, seed);
                }
            }
            Op::Revoke { terminal, channel, server } => {
                if let Some(token) = self.token(terminal, channel, false) {
                    self.send(What::Revoke { token, server }, seed);
                }
            }
            Op::Restart => self.restart().await,
            Op::Sweep => {
                self.engine.sweep().expect("the engine sweeps");
            }
        }
    }

    fn leave(&self, terminal: usize, slot: usize, vanish: bool, seed: u64) {
        let Some(link) = self.terminals.lock().unwrap()[terminal].slots[slot] else { return };
        if vanish {
            self.terminals.lock().unwrap()[terminal].slots[slot] = None;
            self.vanish(link, seed);
        } else {
            let id = self.facts.lock().unwrap().links[link].id.clone();
            let _ = self.close(&id, false);
        }
    }

    fn token(&self, terminal: usize, channel: usize, older: bool) -> Option<Token> {
        let terminals = self.terminals.lock().unwrap();
        let tokens = terminals[terminal].tokens.iter().rev().filter(|token| token.channel == channel);
        tokens.into_iter().nth(usize::from(older)).cloned()
    }

    /// One push after the other, each begun when the one before is answered.
    fn push(&self, token: &Token, push: PushOp, count: u8, seed: u64) {
        let (world, token) = (self.me(), token.clone());
        self.under_way.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        tokio::spawn(async move {
            for nth in 0..count {
                let data = base64url::encode(payload(derive(seed, 1_000 + u64::from(nth))));
                let event = world.note(What::Push(Push { token: token.clone(), asked: push, data }));
                world.clone().perform(event, derive(seed, u64::from(nth))).await;
            }
            world.under_way.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        });
    }

    /// A push that was accepted, so many before the last: its message's URL, and its receipt's.
    fn answered_push(&self, back: usize) -> Option<(usize, String, Option<String>)> {
        let facts = self.facts.lock().unwrap();
        let accepted = facts.pushes().filter_map(|(event, _)| {
            let (_, answer) = facts.answered(event)?;
            Some((event, answer.location.clone()?, answer.receipt.clone()))
        });
        let accepted: Vec<_> = accepted.collect();
        accepted.into_iter().rev().nth(back)
    }
}

/// A body of the form that RFC 8188 gives it; the salt tells it from all others.
fn payload(salt: u64) -> Vec<u8> {
    let mut body = vec![0; 86 + 24];
    body[..8].copy_from_slice(&salt.to_be_bytes());
    body[16..20].copy_from_slice(&4096_u32.to_be_bytes());
    body[20] = 65;
    body[21] = 4;
    body
}
