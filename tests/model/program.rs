//! What a history does: steps of terminals and application servers, one after the other, without waiting for their end.

use crate::dice::{Dice, derive};
use crate::mood::Mood;

pub const TERMINALS: usize = 2;
pub const CHANNELS: usize = 2;
pub const SLOTS: usize = 2;
pub const SERVERS: usize = 2;

/// What an application says of itself: 0 nothing, 1 its name, 2 its name and the first server's key, 3 that key alone.
pub type Words = u8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    All,
    Newest,
    Oldest,
    /// About half.
    Some,
    /// One that was acknowledged before.
    Again,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Opens a connection in a slot that has none, and says `hello`, with a minimum urgency.
    Connect {
        terminal: usize,
        slot: usize,
        minimum: u8,
    },
    /// Says `hello` again on a connection, which is not allowed.
    SecondHello {
        terminal: usize,
        slot: usize,
    },
    /// Closes a connection; or is gone, which nobody notices for a while.
    Drop {
        terminal: usize,
        slot: usize,
        vanish: bool,
    },
    Register {
        terminal: usize,
        channel: usize,
        words: Words,
    },
    Unregister {
        terminal: usize,
        channel: usize,
    },
    Ack {
        terminal: usize,
        which: Which,
        code: u16,
    },
    Nack {
        terminal: usize,
    },
    Ping {
        terminal: usize,
    },
    /// `count` pushes, each begun when the one before is answered.
    Push {
        terminal: usize,
        channel: usize,
        push: PushOp,
        count: u8,
    },
    /// Of the push so many before the last.
    Withdraw {
        back: usize,
    },
    Receipt {
        back: usize,
    },
    Validate {
        terminal: usize,
        channel: usize,
        server: usize,
    },
    Revoke {
        terminal: usize,
        channel: usize,
        server: usize,
    },
    /// Every function dies, with all that it has in memory.
    Restart,
    /// DynamoDB deletes what has expired.
    Sweep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushOp {
    pub ttl: u32,
    pub topic: Option<u8>,
    pub urgency: u8,
    pub receipt: bool,
    pub server: Option<usize>,
    /// Under the session's token before this one.
    pub older: bool,
}

/// A step, so many milliseconds after the one before. What it meets on the way follows from its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub pause: u64,
    pub op: Op,
    pub seed: u64,
}

#[derive(Debug, Clone)]
pub struct Program {
    pub seed: u64,
    pub mood: Mood,
    pub steps: Vec<Step>,
}

impl Program {
    /// The history of that seed.
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mood = Mood::draw(&mut dice);
        let terminals = 1 + dice.index(TERMINALS);
        let mut steps = Vec::new();
        for terminal in 0..terminals {
            steps.push((0, Op::Connect { terminal, slot: 0, minimum: 0 }));
            for channel in 0..=dice.index(CHANNELS) {
                let words = dice.one_of(&[0, 0, 0, 1, 2, 3]);
                steps.push((300, Op::Register { terminal, channel, words }));
                if dice.chance(0.7) {
                    steps.push((300, Op::Validate { terminal, channel, server: 0 }));
                }
            }
        }
        for _ in 0..8 + dice.index(32) {
            steps.push((pause(&mut dice), op(&mut dice, terminals)));
        }
        let steps = steps.into_iter().enumerate();
        let steps = steps.map(|(n, (pause, op))| Step { pause, op, seed: derive(seed, n as u64) }).collect();
        Self { seed, mood, steps }
    }
}

impl std::fmt::Display for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?}", self.mood)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  after {:>9} ms {:?}", step.pause, step.op))
    }
}

fn pause(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0..30 => 0,
        30..65 => dice.between(1, 20),
        65..85 => dice.between(20, 500),
        85..95 => dice.between(500, 15_000),
        95..98 => dice.between(60_000, 3_600_000),
        _ => dice.between(3_600_000, 40 * 3_600_000),
    }
}

fn op(dice: &mut Dice, terminals: usize) -> Op {
    let (terminal, channel) = (dice.index(terminals), dice.index(CHANNELS));
    let slot = usize::from(dice.chance(0.35));
    let server = usize::from(dice.chance(0.15));
    match dice.below(100) {
        0..18 => Op::Connect { terminal, slot, minimum: dice.one_of(&[0, 0, 0, 0, 1, 2, 3]) },
        18..19 => Op::SecondHello { terminal, slot },
        19..29 => Op::Drop { terminal, slot, vanish: dice.chance(0.3) },
        29..36 => Op::Register { terminal, channel, words: dice.one_of(&[0, 0, 0, 1, 2, 3]) },
        36..40 => Op::Unregister { terminal, channel },
        40..49 => {
            let which = dice.one_of(&[Which::All, Which::Newest, Which::Oldest, Which::Some, Which::Again]);
            Op::Ack { terminal, which, code: dice.one_of(&[100, 100, 100, 101, 102]) }
        }
        49..50 => Op::Nack { terminal },
        50..51 => Op::Ping { terminal },
        51..81 => {
            Op::Push { terminal, channel, push: push(dice, server), count: dice.one_of(&[1, 1, 1, 2, 4]) }
        }
        81..85 => Op::Withdraw { back: dice.index(3) },
        85..89 => Op::Receipt { back: dice.index(4) },
        89..93 => Op::Validate { terminal, channel, server },
        93..95 => Op::Revoke { terminal, channel, server },
        95..98 => Op::Restart,
        _ => Op::Sweep,
    }
}

fn push(dice: &mut Dice, server: usize) -> PushOp {
    PushOp {
        ttl: dice.one_of(&[0, 0, 30, 600, 600, 7_200, 7_200, 200_000, 2_000_000]),
        topic: if dice.chance(0.35) { Some(u8::from(dice.chance(0.3))) } else { None },
        urgency: dice.one_of(&[0, 1, 2, 2, 2, 3]),
        receipt: dice.chance(0.3),
        server: if dice.chance(0.75) { Some(server) } else { None },
        older: dice.chance(0.1),
    }
}
