use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use super::acknowledge::Acks;
use super::{AckPolicy, Terminal, TerminalError};
use crate::fleet::Fleet;
use crate::roster::{Roster, Taken};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Whether messages are posted while the terminals listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Live {
    Yes,
    /// What comes is a drain alone, and in order whatever happens.
    No,
}

/// Takes everything that comes to a terminal, and acknowledges it, until it is told to stop. Where the connection ends
/// before, it connects again under its name, as a terminal does: what waits comes then.
pub(crate) async fn listen(
    mut terminal: Terminal,
    index: usize,
    fleet: Arc<Fleet>,
    roster: Arc<Roster>,
    (policy, live): (AckPolicy, Live),
    stop: CancellationToken,
) {
    let mut stopped = pin!(stop.cancelled());
    let mut acks = Acks::new(policy);
    loop {
        tokio::select! {
            biased;
            text = terminal.next() => {
                let taken = match text {
                    Some(text) => take_ready(&mut terminal, text, index, &roster, &mut acks).await,
                    None => Err(TerminalError::Closed),
                };
                if taken.is_ok() {
                    continue;
                }
            }
            () = &mut stopped => break,
        }
        if live == Live::Yes {
            roster.sessions_of(index).for_each(|session| session.ledger().leave_order_unchecked());
        }
        roster.strays.ended.fetch_add(1, Ordering::Relaxed);
        terminal = tokio::select! {
            again = come_again(index, &fleet, &roster) => again,
            () = &mut stopped => return,
        };
    }
    if let Some(rest) = acks.rest() {
        // A connection that fails now leaves unacknowledged what may come again.
        let _ = terminal.feed(rest).await;
    }
    terminal.close().await;
}

/// Takes a text and all that are here already, and sends the acknowledgements together.
async fn take_ready(
    terminal: &mut Terminal,
    first: Utf8Bytes,
    index: usize,
    roster: &Roster,
    acks: &mut Acks,
) -> Result<(), TerminalError> {
    let (mut next, mut fed) = (Some(first), false);
    while let Some(text) = next {
        if let Taken::Notification { channel, version } = roster.take(index, &text)
            && let Some(ack) = acks.add(&channel, &version)
        {
            terminal.feed(ack).await?;
            fed = true;
        }
        next = terminal.next_at_once();
    }
    if fed { terminal.flush().await } else { Ok(()) }
}

/// Connects again under its name, as often as it takes.
pub(crate) async fn come_again(index: usize, fleet: &Fleet, roster: &Roster) -> Terminal {
    let mut pause = FIRST_PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        match fleet.reconnect(index, roster).await {
            Ok(terminal) => return terminal,
            Err(error) => roster.strays.note(&format!("reconnecting: {error}")),
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}
