//! What all simulated services share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::capacity::{Bucket, Capacity};
use crate::dice::derive;
use crate::ledger::Ledger;
use crate::meter::Meter;
use crate::population::Population;
use crate::setting::Setting;

/// A partition of DynamoDB serves so many units a second, read and written.
const PARTITION: (f64, f64) = (3_000.0, 1_000.0);

/// The simulated account.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) setting: Setting,
    pub(crate) population: Population,
    pub(crate) meter: Meter,
    ledger: Mutex<Ledger>,
    quota: Mutex<Bucket>,
    tables: Mutex<Tables>,
    /// Acknowledgements that are under way.
    pub(crate) acks: AtomicU64,
}

/// A table of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Terminals,
    Messages,
    Fanout,
    Applications,
}

impl Table {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Terminals => "terminals",
            Self::Messages => "messages",
            Self::Fanout => "fanout",
            Self::Applications => "applications",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        let all = [Self::Terminals, Self::Messages, Self::Fanout, Self::Applications];
        all.into_iter().find(|table| table.name() == name)
    }
}

#[derive(Debug)]
struct Tables([(Capacity, Capacity); 4]);

impl World {
    pub(crate) fn new(setting: Setting) -> Self {
        let population = Population::new(&setting);
        let (quota, burst) = setting.quota;
        let (reads, writes) = (f64::from(setting.warm_reads), f64::from(setting.warm_writes));
        let partitions = setting.warm_reads.div_ceil(3_000).max(setting.warm_writes.div_ceil(1_000)) as usize;
        let table = || {
            (Capacity::new(reads, partitions, PARTITION.0), Capacity::new(writes, partitions, PARTITION.1))
        };
        Self {
            ledger: Mutex::new(Ledger::new(population.len())),
            quota: Mutex::new(Bucket::new(f64::from(quota), f64::from(burst))),
            tables: Mutex::new(Tables([table(), table(), table(), table()])),
            acks: AtomicU64::new(0),
            meter: Meter::new(),
            population,
            setting,
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request of the account's API Gateway: whether it is within the quota.
    pub(crate) fn request(&self) -> bool {
        self.quota.lock().unwrap_or_else(PoisonError::into_inner).take(1.0)
    }

    /// Reads so many units of a partition, or is throttled.
    pub(crate) fn read(&self, table: Table, partition: u64, units: f64) -> bool {
        let served = self.served(table, partition, units, false);
        if served {
            self.meter.reads(table.name(), units);
        }
        served
    }

    /// Writes so many units of a partition, or is throttled.
    pub(crate) fn write(&self, table: Table, partition: u64, units: f64) -> bool {
        let served = self.served(table, partition, units, true);
        if served {
            self.meter.writes(table.name(), units);
        }
        served
    }

    fn served(&self, table: Table, partition: u64, units: f64, writes: bool) -> bool {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let (read, written) = &mut tables.0[table as usize];
        let served = if writes { written } else { read }.take(partition, units);
        if !served {
            self.meter.second(|second| second.throttles += 1);
        }
        served
    }

    /// A hash of the partition key of a terminal's rows.
    pub(crate) fn partition(number: u32) -> u64 {
        derive(6, u64::from(number))
    }

    /// Whether no worker runs and no acknowledgement is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.acks.load(Ordering::SeqCst) == 0 && self.meter.counts().running == 0
    }
}
