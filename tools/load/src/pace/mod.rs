//! When the next thing is done: as soon as there is room (a closed loop), or at moments that were set beforehand, however
//! long the answers take (an open loop).
//!
//! In the open loop all times count from those moments, so that what a slow service keeps waiting is in the figures, and
//! not only the one request that was slow. So many are under way at most; what is due while there is no room waits for
//! room, and is late.

mod rate;
mod rates;
mod timer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::Mutex;

use crate::numbers::{micros, rate};
use timer::Timer;

pub(crate) use rate::Rate;
pub(crate) use rates::Rates;

/// Begun later than this behind its moment is late.
const ON_TIME: Duration = Duration::from_millis(1);

/// How much is done: so many things, none after this time, and with a rate at moments of their own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) count: u64,
    pub(crate) at_most: Duration,
    pub(crate) rate: Option<Rate>,
}

/// Hands out turns, to as many as ask.
pub(crate) struct Pace {
    bounds: Bounds,
    began: Instant,
    taken: AtomicU64,
    schedule: Option<Schedule>,
}

struct Schedule {
    rate: Rate,
    /// Who waits longest gets the next turn, and holds the timer until it is due.
    timer: Mutex<Timer>,
    record: Lock<Record>,
}

#[derive(Default)]
struct Record {
    /// From each moment until what was due then has begun, in microseconds.
    waits: Vec<u32>,
    last_begun: Option<Instant>,
    under_way: u64,
    most_under_way: u64,
}

/// One thing to do. It is under way until this is dropped.
pub(crate) struct Turn<'a> {
    moment: Option<(&'a Schedule, Instant)>,
    begun: bool,
}

/// How an open loop was kept to.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Kept {
    /// What was asked for, a second.
    rate: Rate,
    /// What it came to, a second.
    pub(crate) begun_per_second: f64,
    /// Whose moment came within the time.
    pub(crate) due: u64,
    pub(crate) begun: u64,
    /// Of those, more than a millisecond behind their moment.
    pub(crate) late: u64,
    /// Due, and never begun: the time was over before there was room, or there was no connection.
    pub(crate) missed: u64,
    /// How many were under way at a time, and how many could be.
    most_under_way: u64,
    bound: u64,
}

impl Pace {
    /// The time runs from now on.
    pub(crate) fn start(bounds: Bounds) -> io::Result<Self> {
        let schedule = bounds.rate.map(Schedule::new).transpose()?;
        Ok(Self { bounds, began: Instant::now(), taken: AtomicU64::new(0), schedule })
    }

    /// The next turn, when it is time for it. None where nothing is left to do, or no time.
    pub(crate) async fn next(&self) -> Option<Turn<'_>> {
        let Some(schedule) = &self.schedule else {
            return self.take().map(|_| Turn::at_once());
        };
        let timer = schedule.timer.lock().await;
        let moment = self.began + schedule.rate.moment(self.take()?);
        if moment >= self.until() {
            return None;
        }
        if timer.wait_until(moment).await.is_err() {
            // A kernel that has made the timer lets it be set; the runtime's clock is less exact, and as good otherwise.
            tokio::time::sleep_until(moment.into()).await;
        }
        Some(Turn { moment: Some((schedule, moment)), begun: false })
    }

    /// Whether the time is over.
    pub(crate) fn is_over(&self) -> bool {
        Instant::now() >= self.until()
    }

    fn until(&self) -> Instant {
        self.began + self.bounds.at_most
    }

    /// The number of the next one.
    fn take(&self) -> Option<u64> {
        if self.is_over() {
            return None;
        }
        let more = |taken| (taken < self.bounds.count).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
    }

    /// How long what was due has waited until it was begun, in microseconds; nothing in a closed loop.
    pub(crate) fn waits(&self) -> Vec<u64> {
        self.schedule.iter().flat_map(|schedule| schedule.record().waits.clone()).map(u64::from).collect()
    }

    /// How the moments were kept to, where so many could be under way; None in a closed loop.
    pub(crate) fn kept(&self, bound: usize) -> Option<Kept> {
        let schedule = self.schedule.as_ref()?;
        let record = schedule.record();
        let due = schedule.rate.due_within(self.bounds.at_most, self.bounds.count);
        let begun = record.waits.len() as u64;
        let on_time = u32::try_from(ON_TIME.as_micros()).unwrap_or(u32::MAX);
        let late = record.waits.iter().filter(|&&wait| wait > on_time).count() as u64;
        // The last one's share of the time lies behind it.
        let lasted =
            record.last_begun.map_or(Duration::ZERO, |last| last - self.began) + schedule.rate.moment(1);
        Some(Kept {
            rate: schedule.rate,
            begun_per_second: rate(begun, lasted.as_secs_f64()),
            due,
            begun,
            late,
            missed: due.saturating_sub(begun),
            most_under_way: record.most_under_way,
            bound: bound as u64,
        })
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, begun_per_second, due, begun, late, missed, most_under_way, bound } = self;
        write!(
            f,
            "open loop: {rate}/s asked, {begun_per_second}/s begun; {due} due, {begun} begun, {late} of them late, \
             {missed} missed; at most {most_under_way} of {bound} under way"
        )
    }
}

impl Schedule {
    fn new(rate: Rate) -> io::Result<Self> {
        Ok(Self { rate, timer: Mutex::new(Timer::new()?), record: Lock::default() })
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn<'_> {
    /// A turn without a moment of its own.
    pub(crate) fn at_once() -> Self {
        Self { moment: None, begun: false }
    }

    /// It begins now; the time from which on it counts.
    pub(crate) fn begin(&mut self) -> Instant {
        let now = Instant::now();
        let Some((schedule, moment)) = self.moment else { return now };
        if !self.begun {
            self.begun = true;
            schedule.record().begin(moment, now);
        }
        moment
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let (Some((schedule, _)), true) = (self.moment, self.begun) {
            schedule.record().under_way -= 1;
        }
    }
}

impl Record {
    fn begin(&mut self, moment: Instant, now: Instant) {
        self.waits.push(u32::try_from(micros(moment, now)).unwrap_or(u32::MAX));
        self.last_begun = Some(now);
        self.under_way += 1;
        self.most_under_way = self.most_under_way.max(self.under_way);
    }
}
