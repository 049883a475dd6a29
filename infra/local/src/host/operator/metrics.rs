use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use signalbox_local_aws::LocalQueue;
use signalbox_telemetry::{Count, Record, Refused};

use crate::host::hub::Hub;

/// From a post to a terminal beside us to one that has waited for all its attempts, in seconds.
const LATENCIES: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

type ByReason = Family<[(&'static str, &'static str); 1], Counter>;

/// What the functions have counted since the start, by the names that it has in the cloud.
#[derive(Debug)]
pub(in crate::host) struct Kept {
    registry: Registry,
    counts: [Counter; Count::ALL.len()],
    requests_refused: ByReason,
    terminals_refused: ByReason,
    latency: Histogram,
}

/// What only the host knows.
#[derive(Debug)]
pub(in crate::host) struct Gauges {
    pub(in crate::host) hub: Arc<Hub>,
    pub(in crate::host) drains: LocalQueue,
}

impl Kept {
    pub(in crate::host) fn new(gauges: Gauges) -> Self {
        let mut registry = Registry::with_prefix("signalbox");
        let counts = Count::ALL.map(|count| {
            let counter = Counter::default();
            registry.register(count.word(), count.help(), counter.clone());
            counter
        });
        let (requests_refused, terminals_refused) = (ByReason::default(), ByReason::default());
        registry.register(
            "refused",
            "Requests of application servers that were refused",
            requests_refused.clone(),
        );
        let help = "Messages of terminals that were refused, and their connections closed";
        registry.register("terminals_refused", help, terminals_refused.clone());
        let latency = Histogram::new(LATENCIES);
        let help = "From the acceptance of a notification to its post, where its terminal was there";
        registry.register_with_unit("post_latency", help, Unit::Seconds, latency.clone());
        registry.register_collector(Box::new(gauges));
        Self { registry, counts, requests_refused, terminals_refused, latency }
    }

    pub(in crate::host) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl Record for Kept {
    fn count(&self, what: Count, many: u64) {
        self.counts[what as usize].inc_by(many);
    }

    fn refused(&self, refused: Refused) {
        let family = match refused {
            Refused::Request(_) => &self.requests_refused,
            Refused::Terminal(_) => &self.terminals_refused,
        };
        family.get_or_create(&[("reason", refused.reason())]).inc();
    }

    fn posted_after(&self, latency: Duration) {
        self.latency.observe(latency.as_secs_f64());
    }
}

impl Collector for Gauges {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = [
            ("connections", "Connections of terminals that are open", self.hub.len()),
            ("drains", "What the queue of drains holds", self.drains.len()),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
