//! Terminals: what they know, and what they do with what comes.

use std::time::Duration;

use serde_json::Value;

use crate::dice::{Dice, derive};
use crate::facts::{Link, Token, What};
use crate::functions::PUBLIC_URL;
use crate::gateway::pause;
use crate::program::{SLOTS, Which};
use crate::world::World;

/// API Gateway cuts a connection after two hours.
const LIFE: Duration = Duration::from_secs(2 * 3600);

/// How often a terminal comes again by itself.
const COMES_AGAIN: u32 = 6;

#[derive(Debug, Default)]
pub struct Terminal {
    pub uaid: Option<String>,
    /// Its connections.
    pub slots: [Option<usize>; SLOTS],
    /// Versions that came and were not acknowledged yet.
    pub seen: Vec<String>,
    pub acknowledged: Vec<String>,
    pub tokens: Vec<Token>,
    came_again: u32,
}

impl World {
    /// Opens a connection and says `hello` on it.
    pub fn connect(&self, terminal: usize, slot: usize, minimum: u8, seed: u64) -> Option<usize> {
        let (link, uaid) = {
            let mut terminals = self.terminals.lock().unwrap();
            let me = &mut terminals[terminal];
            let others = me.slots.iter().flatten().count();
            // Who has no name yet has one connection.
            if me.slots[slot].is_some() || (me.uaid.is_none() && others > 0) {
                return None;
            }
            let mut facts = self.facts.lock().unwrap();
            let (opened, link) = (facts.tick(), facts.links.len());
            facts.links.push(Link {
                id: format!("c{link:05}="),
                terminal,
                connected: self.now(),
                minimum,
                uaid: None,
                opened,
                vanished: None,
                closed: None,
                by_service: false,
                false_gone: false,
                close_failed: false,
            });
            me.slots[slot] = Some(link);
            (link, me.uaid.clone())
        };
        self.send(What::Hello { link, uaid, minimum }, seed);
        let world = self.me();
        tokio::spawn(async move {
            tokio::time::sleep(LIFE).await;
            let id = world.facts.lock().unwrap().links[link].id.clone();
            let _ = world.close(&id, false);
        });
        Some(link)
    }

    /// A connection on which the terminal has been answered its `hello`; the newest.
    pub fn ready(&self, terminal: usize) -> Option<usize> {
        let terminals = self.terminals.lock().unwrap();
        let facts = self.facts.lock().unwrap();
        let links = terminals[terminal].slots.iter().flatten().copied();
        links.filter(|link| facts.links[*link].uaid.is_some() && facts.links[*link].alive()).max()
    }

    /// Something came on a connection.
    pub fn receive(&self, link: usize, frame: &Value, run: Option<usize>) {
        match frame["messageType"].as_str() {
            Some("hello") if frame["status"] == 200 => self.configured(link, frame),
            Some("register") if frame["status"] == 200 => self.registered(link, frame, run),
            Some("notification") => self.notified(link, frame),
            _ => {}
        }
    }

    fn configured(&self, link: usize, frame: &Value) {
        let uaid = frame["uaid"].as_str().unwrap_or_default().to_owned();
        let terminal = self.facts.lock().unwrap().links[link].terminal;
        let me = &mut self.terminals.lock().unwrap()[terminal];
        if me.uaid.as_ref() != Some(&uaid) {
            // It is new to the service: what it had is gone.
            *me = Terminal { uaid: Some(uaid), slots: me.slots, ..Terminal::default() };
        }
    }

    fn registered(&self, link: usize, frame: &Value, run: Option<usize>) {
        let facts = self.facts.lock().unwrap();
        let Some(event) = run.map(|run| facts.runs[run].event) else { return };
        let What::Register { channel, words, .. } = facts.events[event].what else { return };
        let endpoint = frame["pushEndpoint"].as_str().unwrap_or_default();
        let Some(text) = endpoint.strip_prefix(&format!("{PUBLIC_URL}/push/")) else { return };
        let Some(uaid) = facts.links[link].uaid.clone() else { return };
        let token = Token { text: text.to_owned(), register: event, uaid, channel, words };
        let me = &mut self.terminals.lock().unwrap()[facts.links[link].terminal];
        if !me.tokens.iter().any(|known| known.register == event) {
            me.tokens.push(token);
        }
    }

    fn notified(&self, link: usize, frame: &Value) {
        let version = frame["version"].as_str().unwrap_or_default().to_owned();
        let (terminal, nth) = {
            let facts = self.facts.lock().unwrap();
            (facts.links[link].terminal, facts.frames.len())
        };
        {
            let me = &mut self.terminals.lock().unwrap()[terminal];
            if !me.seen.contains(&version) {
                me.seen.push(version.clone());
            }
        }
        if self.mood().acks {
            let (world, seed) = (self.me(), derive(nth as u64, 0xac4));
            tokio::spawn(async move {
                pause(1 + Dice::new(seed).below(10)).await;
                world.acknowledge_these(link, vec![version], 100, seed);
            });
        }
    }

    /// Acknowledges some of what has come.
    pub fn acknowledge(&self, terminal: usize, which: Which, code: u16, seed: u64) {
        let Some(link) = self.ready(terminal) else { return };
        let versions: Vec<_> = {
            let terminals = self.terminals.lock().unwrap();
            let me = &terminals[terminal];
            let mut dice = Dice::new(seed);
            match which {
                Which::All => me.seen.clone(),
                Which::Newest => me.seen.last().into_iter().cloned().collect(),
                Which::Oldest => me.seen.first().into_iter().cloned().collect(),
                Which::Some => me.seen.iter().filter(|_| dice.chance(0.5)).cloned().collect(),
                Which::Again => me.acknowledged.first().into_iter().cloned().collect(),
            }
        };
        self.acknowledge_these(link, versions, code, seed);
    }

    pub fn acknowledge_these(&self, link: usize, versions: Vec<String>, code: u16, seed: u64) {
        let terminal = {
            let facts = self.facts.lock().unwrap();
            if versions.is_empty() || !facts.links[link].alive() {
                return;
            }
            facts.links[link].terminal
        };
        {
            let me = &mut self.terminals.lock().unwrap()[terminal];
            me.seen.retain(|seen| !versions.contains(seen));
            me.acknowledged.extend(versions.iter().cloned());
        }
        self.send(What::Ack { link, versions, code }, seed);
    }

    /// A connection of it is closed.
    pub fn gone(&self, link: usize, by_service: bool) {
        let (terminal, minimum, vanished) = {
            let facts = self.facts.lock().unwrap();
            let of = &facts.links[link];
            (of.terminal, of.minimum, of.vanished.is_some())
        };
        let slot = {
            let me = &mut self.terminals.lock().unwrap()[terminal];
            let slot = me.slots.iter().position(|of| *of == Some(link));
            if let Some(slot) = slot {
                me.slots[slot] = None;
            }
            // Two connections that come again and again would take over from each other for ever.
            slot.filter(|_| me.slots.iter().all(Option::is_none) && me.came_again < COMES_AGAIN)
        };
        if let Some(slot) = slot
            && by_service
            && !vanished
            && self.mood().comes_again
        {
            let (world, seed) = (self.me(), derive(link as u64, 0xc0e5));
            self.terminals.lock().unwrap()[terminal].came_again += 1;
            self.under_way.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::spawn(async move {
                pause(20 + Dice::new(seed).below(3_000)).await;
                world.connect(terminal, slot, minimum, seed);
                world.under_way.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
    }
}
