use crate::bill::meter::Work;
use crate::bill::operations::Terminals;

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
    /// Its making and its one session, once in its life.
    pub(crate) making: Work,
}

impl Month {
    pub(crate) fn of(terminals: &Terminals) -> Self {
        let connections = MINUTES / LONGEST;
        let pings = connections * ((LONGEST - 1.0) / PING).floor();
        Self {
            connections,
            coming: terminals.visit().times(connections),
            pings,
            pinging: terminals.ping.times(pings),
            coming_without_pings: terminals.visit().times(MINUTES / IDLE),
            making: terminals.connect.clone() + terminals.hello_new.clone() + terminals.register.clone(),
        }
    }
}
