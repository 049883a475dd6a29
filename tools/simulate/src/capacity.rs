use tokio::time::Instant;

/// So much a second, and so much at once where it was not used before.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    rate: f64,
    burst: f64,
    held: f64,
    at: Instant,
}

impl Bucket {
    /// Full.
    pub(crate) fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, held: burst, at: Instant::now() }
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let since = now.duration_since(self.at).as_secs_f64();
        self.held = (self.held + since * self.rate).min(self.burst);
        self.at = now;
    }

    /// Takes so much, if it is all there.
    pub(crate) fn take(&mut self, amount: f64) -> bool {
        self.fill();
        let there = self.held >= amount;
        if there {
            self.held -= amount;
        }
        there
    }

    fn has_some(&mut self) -> bool {
        self.fill();
        self.held > 0.0
    }

    /// Takes so much, and is in debt where that is more than there is: as DynamoDB does with what is larger than a second's.
    fn borrow(&mut self, amount: f64) {
        self.held -= amount;
    }
}

/// What a table serves in one direction: as a whole, and by partition.
#[derive(Debug)]
pub(crate) struct Capacity {
    whole: Bucket,
    partitions: Vec<Bucket>,
}

impl Capacity {
    pub(crate) fn new(units: f64, partitions: usize, each: f64) -> Self {
        Self {
            whole: Bucket::new(units, units),
            partitions: (0..partitions).map(|_| Bucket::new(each, each)).collect(),
        }
    }

    /// Serves so many units of the partition that a key of this hash is in, or is throttled.
    pub(crate) fn take(&mut self, hash: u64, units: f64) -> bool {
        let count = self.partitions.len().max(1) as u64;
        let Some(partition) = self.partitions.get_mut(usize::try_from(hash % count).unwrap_or_default())
        else {
            return false;
        };
        let served = self.whole.has_some() && partition.has_some();
        if served {
            self.whole.borrow(units);
            partition.borrow(units);
        }
        served
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(100.0, 50.0);
        let taken = |bucket: &mut Bucket| (0..1_000).filter(|_| bucket.take(1.0)).count();
        assert_eq!(taken(&mut bucket), 50);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(taken(&mut bucket), 10);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(taken(&mut bucket), 50);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hot_partition_is_throttled_though_its_table_is_not() {
        let mut capacity = Capacity::new(4_000.0, 4, 1_000.0);
        let hot = (0..5_000).filter(|_| capacity.take(4, 1.0)).count();
        assert_eq!(hot, 1_000);
        assert!(capacity.take(1, 1.0));
        let mut spread = Capacity::new(4_000.0, 4, 1_000.0);
        assert_eq!((0..10_000).filter(|key| spread.take(*key, 1.0)).count(), 4_000);
    }
}
