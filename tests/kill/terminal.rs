use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use signalbox::client::{Terminal, TerminalError};
use signalbox_wire::{
    Ack, AckUpdate, ChannelId, Notification, Register, SUBPROTOCOL, TerminalMessage, Unregister,
};

use crate::chance::Chance;
use crate::ledger::{Acked, End, Moment};
use crate::server::receipt;
use crate::support::{PATIENCE, channel};
use crate::world::World;

/// Receipts and deletions of one frame are written by one call of 25: handled all together or, by a kill, not.
const FRAME: usize = 12;
/// When nothing comes for so long, what is to be acknowledged is.
const IDLE: Duration = Duration::from_millis(15);

/// How a terminal behaves.
#[derive(Clone, Copy)]
pub(crate) struct Habits {
    pub(crate) sessions: usize,
    /// How much of what it gets it acknowledges.
    pub(crate) acknowledges: u64,
    /// How much it takes in before it leaves for a while, at most.
    pub(crate) stays_for: u64,
    /// How long it is away, in milliseconds, at most.
    pub(crate) leaves_for: u64,
    /// Whether it ends sessions and asks for new ones.
    pub(crate) restless: bool,
}

/// A terminal of the load, over all of its connections.
pub(crate) struct Member {
    pub(crate) number: usize,
    pub(crate) uaid: Option<String>,
    channels: Vec<ChannelId>,
    /// Its sessions in the ledger, by channel.
    sessions: Vec<Option<usize>>,
    habits: Habits,
    chance: Chance,
}

impl Member {
    pub(crate) fn new(number: usize, habits: Habits, seed: u64) -> Self {
        let channels = (0..habits.sessions).map(|_| channel()).collect();
        let sessions = vec![None; habits.sessions];
        Self { number, uaid: None, channels, sessions, habits, chance: Chance::new(seed, number as u64) }
    }

    /// Connects again and again until all is to be quiet.
    pub(crate) async fn run(mut self, world: Arc<World>) -> Self {
        let mut pause = 10;
        while !world.quiet() {
            match self.visit(&world).await {
                Ok(()) => {
                    pause = 10;
                    tokio::time::sleep(Duration::from_millis(self.chance.between(0, self.habits.leaves_for)))
                        .await;
                }
                // The service is away; what it says on its way out is not.
                Err(TerminalError::Connection(_) | TerminalError::Closed | TerminalError::Unanswered) => {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    pause = (pause * 2).min(200);
                }
                Err(error) => {
                    world.ledger.violation(format!("terminal {}: {error}", self.number));
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
        self
    }

    /// Connects and says `hello`: the connection, and when.
    pub(crate) async fn arrive(&mut self, world: &World) -> Result<(Terminal, Moment), TerminalError> {
        let mut terminal = Terminal::connect_offering(&world.websocket_url, Some(SUBPROTOCOL)).await?;
        let hello = world.ledger.open().moment();
        let answer = terminal.hello(self.uaid.clone()).await?;
        if answer.status != 200 || self.uaid.as_ref().is_some_and(|uaid| *uaid != answer.uaid) {
            world.ledger.violation(format!("terminal {} is known no more: {}", self.number, answer.status));
        }
        self.uaid = Some(answer.uaid);
        Ok((terminal, hello))
    }

    async fn visit(&mut self, world: &Arc<World>) -> Result<(), TerminalError> {
        let (mut terminal, hello) = self.arrive(world).await?;
        for index in 0..self.channels.len() {
            if self.sessions[index].is_none() {
                self.register(world, &mut terminal, index).await?;
            }
        }
        let mut left = self.chance.between(0, self.habits.stays_for);
        let mut to_acknowledge = VecDeque::new();
        while left > 0 && !world.quiet() {
            let came = tokio::time::timeout(IDLE, terminal.next()).await;
            let idle = came.is_err();
            if let Ok(came) = came {
                let came = came?;
                left -= 1;
                let id = world.ledger.open().came(self.number, hello, &came);
                if let Some(id) = id.filter(|_| self.chance.percent(self.habits.acknowledges)) {
                    to_acknowledge.push_back((id, came));
                }
            } else if self.habits.restless && self.chance.percent(3) {
                let index = self.chance.pick(self.channels.len());
                self.unregister(world, &mut terminal, index).await?;
                self.register(world, &mut terminal, index).await?;
            }
            if to_acknowledge.len() >= FRAME || idle && !to_acknowledge.is_empty() {
                let count = to_acknowledge.len().min(FRAME);
                acknowledge(world, &mut terminal, to_acknowledge.drain(..count).collect()).await?;
            }
        }
        terminal.close().await
    }

    async fn register(
        &mut self,
        world: &World,
        terminal: &mut Terminal,
        index: usize,
    ) -> Result<(), TerminalError> {
        let channel = self.channels[index];
        let answer =
            terminal.register(Register { channel, key: None, app: None, encodings: Vec::new() }).await?;
        let mut book = world.ledger.open();
        match answer.endpoint.filter(|_| answer.status == 200) {
            Some(endpoint) => self.sessions[index] = Some(book.issued(self.number, channel, endpoint)),
            None => book.violations.push(format!("a register was answered with {}", answer.status)),
        }
        Ok(())
    }

    async fn unregister(
        &mut self,
        world: &World,
        terminal: &mut Terminal,
        index: usize,
    ) -> Result<(), TerminalError> {
        let Some(session) = self.sessions[index].take() else { return Ok(()) };
        world.ledger.open().ends(session, End::Asked);
        let answer =
            terminal.unregister(Unregister { channel: self.channels[index], code: Some(200) }).await?;
        let mut book = world.ledger.open();
        let now = book.moment();
        match answer.status {
            200 => book.ends(session, End::Answered(now)),
            status => book.violations.push(format!("an unregister was answered with {status}")),
        }
        Ok(())
    }
}

/// Acknowledges in one frame, and has it found out whether that was handled.
pub(crate) async fn acknowledge(
    world: &Arc<World>,
    terminal: &mut Terminal,
    taken: Vec<(usize, Notification)>,
) -> Result<(), TerminalError> {
    let life = world.life();
    let update = |came: &Notification| AckUpdate {
        channel: came.channel,
        version: came.version.clone(),
        code: Some(100),
    };
    let updates = taken.iter().map(|(_, came)| update(came)).collect();
    let text = serde_json::to_string(&TerminalMessage::Ack(Ack { updates })).expect("JSON");
    let ids: Vec<_> = taken.into_iter().map(|(id, _)| id).collect();
    let seal = {
        let mut book = world.ledger.open();
        for id in &ids {
            book.acknowledging(*id);
        }
        ids.iter().copied().find(|id| book.tells(*id) && book.messages[*id].receipt.is_some())
    };
    terminal.send_text(text).await?;
    // While a start is under way it is not known which process takes it.
    if let Some(seal) = seal.filter(|_| life.is_multiple_of(2)) {
        tokio::spawn(find_out(world.clone(), life, seal, ids));
    }
    Ok(())
}

/// A frame's receipts and deletions are one call to the store: a receipt that is there tells of all of them, as long as the
/// process has not been killed since. A message with a topic is deleted by a call of its own.
async fn find_out(world: Arc<World>, life: u64, seal: usize, ids: Vec<usize>) {
    let url = world.ledger.open().messages[seal].receipt.clone().expect("a receipt was asked for");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let status = receipt(&world, &url).await;
        if world.life() != life {
            return;
        }
        match status {
            Some(204) => break,
            Some(202) if tokio::time::Instant::now() < deadline => tokio::time::sleep(IDLE).await,
            _ if !world.ledger.open().tells(seal) => return,
            status => {
                return world
                    .ledger
                    .violation(format!("{seal} was acknowledged, its receipt answers {status:?}"));
            }
        }
    }
    let mut book = world.ledger.open();
    let now = book.moment();
    for id in ids {
        let message = &mut book.messages[id];
        if message.topic.is_none() {
            message.ack = Acked::Handled(now);
        }
    }
}
