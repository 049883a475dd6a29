//! The connections, as API Gateway has them.

use std::sync::Weak;

use bytes::Bytes;
use serde_json::Value;
use signalbox_local_aws::{Connections, PostError, PostFuture, Scope};

use crate::dice::{Dice, derive};
use crate::facts::{Frame, Millis};
use crate::world::World;

pub struct Peers(pub Weak<World>);

impl Connections for Peers {
    fn post(&self, connection: &str, frame: Bytes) -> PostFuture<'_> {
        let body = serde_json::from_slice(&frame).expect("what is posted is JSON");
        let run = Scope::current().and_then(|scope| usize::try_from(scope.tag).ok());
        let posted = match self.0.upgrade() {
            Some(world) => world.cross(connection, &body, run),
            None => Err(PostError::Gone),
        };
        Box::pin(async move { posted })
    }

    fn close(&self, connection: &str) -> PostFuture<'_> {
        let closed = match self.0.upgrade() {
            Some(world) => world.close(connection, true),
            None => Err(PostError::Gone),
        };
        Box::pin(async move { closed })
    }
}

/// So many milliseconds after it was made a connection is clogged, at most; and so long it stays so.
const CLOGS_AFTER: u64 = 20_000;
const CLOGGED: u64 = 4_000;

impl World {
    /// Whether a connection of that age takes nothing.
    fn is_clogged(&self, link: usize, age: Millis) -> bool {
        let mut dice = Dice::new(derive(link as u64, 0xc106));
        let from = dice.below(CLOGS_AFTER);
        dice.chance(self.mood().clogs) && (from..from + CLOGGED).contains(&age)
    }

    /// A frame on its way to a terminal. One that is gone without a word takes it too, as nobody knows.
    pub fn cross(&self, connection: &str, body: &Value, run: Option<usize>) -> Result<(), PostError> {
        let (link, read) = {
            let mut facts = self.facts.lock().unwrap();
            let (tick, at) = (facts.tick(), self.now());
            let link = facts.link_of(connection).ok_or(PostError::Gone)?;
            if facts.links[link].closed.is_some() {
                return Err(PostError::Gone);
            }
            if self.is_clogged(link, at - facts.links[link].connected) {
                if let Some(scope) = Scope::current() {
                    scope.meet();
                }
                return Err(PostError::LimitExceeded);
            }
            if body["messageType"] == "hello" && body["status"] == 200 {
                facts.links[link].uaid = body["uaid"].as_str().map(ToOwned::to_owned);
            }
            let read = facts.links[link].alive();
            facts.frames.push(Frame { tick, at, link, run, body: body.clone() });
            (link, read)
        };
        if read {
            self.receive(link, body, run);
        }
        Ok(())
    }
}
