use signalbox_domain::Slot;

use crate::bill::meter::Work;
use crate::bill::operations::{KeepAlives, Terminals};

/// Minutes of a month of 30 days.
pub(crate) const MINUTES: f64 = 30.0 * 24.0 * 60.0;
/// After so many minutes API Gateway ends a connection, used or not.
pub(crate) const LONGEST: f64 = 120.0;
/// After so many minutes without a message API Gateway ends it too.
pub(crate) const IDLE: f64 = 10.0;
/// How often the page's terminal pings, in minutes.
pub(crate) const PING: f64 = 9.0;

/// What one terminal that is connected all the month does in it, without a notification.
pub(crate) struct Month {
    pub(crate) connections: f64,
    pub(crate) coming: Work,
    pub(crate) pings: f64,
    pub(crate) pinging: Work,
    /// Where it does not ping, and comes again each time that it is cut off.
    pub(crate) coming_without_pings: Work,
    /// Where the service keeps its connections alive instead: how many messages that are, and what they and its coming are.
    pub(crate) keep_alives: f64,
    pub(crate) coming_registered: Work,
    pub(crate) kept_alive: Work,
    /// What the wake-ups are, for all terminals together.
    pub(crate) waking: Work,
    /// Its making and its one session, once in its life.
    pub(crate) making: Work,
}

impl Month {
    pub(crate) fn of(terminals: &Terminals, alive: &KeepAlives) -> Self {
        let connections = MINUTES / LONGEST;
        let keep_alives = connections * (LONGEST / f64::from(Slot::MINUTES));
        let Work { messages, bytes, .. } = alive.wake;
        let registered = terminals.connect.clone() + alive.hello.clone() + terminals.disconnect.clone();
        let wake_ups = f64::from(u32::try_from(Slot::SHARDS.len()).unwrap()) * MINUTES;
        let pings = connections * ((LONGEST - 1.0) / PING).floor();
        Self {
            connections,
            coming: terminals.visit().times(connections),
            pings,
            pinging: terminals.ping.times(pings),
            coming_without_pings: terminals.visit().times(MINUTES / IDLE),
            keep_alives,
            coming_registered: registered.times(connections),
            kept_alive: Work { messages, bytes, ..Work::default() }.times(keep_alives),
            waking: Work { messages: 0.0, bytes: 0.0, ..alive.wake.clone() }.times(wake_ups),
            making: terminals.connect.clone() + terminals.hello_new.clone() + terminals.register.clone(),
        }
    }
}
