use std::time::Duration;

use crate::pace::Turn;
use crate::roster::{Roster, Taken};
use crate::sender::Sender;
use crate::terminal::{AckPolicy, Acks, Terminal, TerminalError};

/// Posts one message to a session of this terminal, and takes what comes until it is there; acknowledges it. What does
/// not come within the patience stays owed.
pub(super) async fn exchange(
    sender: &mut Sender,
    terminal: &mut Terminal,
    (roster, index): (&Roster, usize),
    turn: &mut Turn<'_>,
    patience: Duration,
) -> Result<(), TerminalError> {
    let before = roster.arrived();
    let terminal_index = roster.sessions[index].terminal;
    let mut acks = Acks::new(AckPolicy::Every);
    let arrival = async {
        while roster.arrived() == before {
            let text = terminal.next().await.ok_or(TerminalError::Closed)?;
            if let Taken::Notification { channel, version } = roster.take(terminal_index, &text)
                && let Some(ack) = acks.add(&channel, &version)
            {
                terminal.feed(ack).await?;
            }
        }
        terminal.flush().await
    };
    let post = async {
        while !sender.post(roster, index, turn).await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    // Together, so that a frame that overtakes the answer is seen when it comes.
    match tokio::time::timeout(patience, async { tokio::join!(post, arrival).1 }).await {
        Ok(arrived) => arrived,
        Err(_) => Ok(()),
    }
}
