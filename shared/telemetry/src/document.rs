use serde_json::{Map, Value, json};
use signalbox_domain::Timestamp;

use crate::Namespace;
use crate::embedded::Invocation;

/// The time from acceptance to post, in milliseconds.
const LATENCY: &str = "PostLatency";
/// The only dimension.
const REASON: &str = "Reason";
/// So many values a metric may have in a document.
const VALUES: usize = 100;

/// A document of the embedded metric format, while it is made.
#[derive(Default)]
struct Document {
    plain: Vec<Value>,
    by_reason: Vec<Value>,
    members: Map<String, Value>,
}

impl Document {
    fn plain(&mut self, name: &str, value: Value, unit: Option<&str>) {
        // A unit is left out where it is none, as its bytes are paid for each time.
        self.plain
            .push(unit.map_or_else(|| json!({"Name": name}), |unit| json!({"Name": name, "Unit": unit})));
        self.members.insert(name.to_owned(), value);
    }

    /// Says whether there was room: a document has one value for each dimension.
    fn by_reason(&mut self, name: &str, reason: &str, many: u64) -> bool {
        let taken = self.members.get(REASON).is_some_and(|other| other.as_str() != Some(reason));
        if taken {
            return false;
        }
        self.members.insert(REASON.to_owned(), json!(reason));
        self.by_reason.push(json!({"Name": name}));
        self.members.insert(name.to_owned(), json!(many));
        true
    }

    fn into_value(self, namespace: &Namespace, now: Timestamp) -> Option<Value> {
        let directive = |dimensions: &[&str], metrics: Vec<Value>| {
            (!metrics.is_empty()).then(|| {
                json!({"Namespace": namespace.to_string(), "Dimensions": [dimensions], "Metrics": metrics})
            })
        };
        let directives: Vec<_> = [directive(&[], self.plain), directive(&[REASON], self.by_reason)]
            .into_iter()
            .flatten()
            .collect();
        if directives.is_empty() {
            return None;
        }
        let mut document = self.members;
        document.insert(
            "_aws".to_owned(),
            json!({"Timestamp": now.as_millis(), "CloudWatchMetrics": directives}),
        );
        Some(Value::Object(document))
    }
}

/// The documents of an invocation: one in all but rare cases, none where it has counted nothing.
pub(crate) fn documents(invocation: &Invocation, namespace: &Namespace, now: Timestamp) -> Vec<Value> {
    let mut documents = vec![Document::default()];
    for (what, many) in &invocation.counts {
        documents[0].plain(what.name(), json!(many), None);
    }
    for (index, latencies) in invocation.latencies.chunks(VALUES).enumerate() {
        let value = if let [one] = latencies { json!(one) } else { json!(latencies) };
        at(&mut documents, index).plain(LATENCY, value, Some("Milliseconds"));
    }
    for ((name, reason), many) in &invocation.refused {
        let mut index = 0;
        while !at(&mut documents, index).by_reason(name, reason, *many) {
            index += 1;
        }
    }
    documents.into_iter().filter_map(|document| document.into_value(namespace, now)).collect()
}

/// The document at this place, which may be the next one.
fn at(documents: &mut Vec<Document>, index: usize) -> &mut Document {
    if index == documents.len() {
        documents.push(Document::default());
    }
    &mut documents[index]
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use proptest::prelude::*;
    use signalbox_domain::RefusalKind;
    use signalbox_wire::ErrorReason;

    use super::*;
    use crate::{Count, Embedded, Metrics, Refused};

    /// Lines, and the metrics that go there.
    fn embedded() -> (Arc<Mutex<Vec<String>>>, Metrics) {
        let lines = Arc::<Mutex<Vec<String>>>::default();
        let written = lines.clone();
        let namespace = "Signalbox/test".parse().unwrap();
        let record = Embedded::new(namespace, move |line| written.lock().unwrap().push(line.to_owned()));
        (lines, Metrics::new(Arc::new(record)))
    }

    fn now() -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }

    #[test]
    fn an_invocation_is_one_line() {
        let (lines, metrics) = embedded();
        metrics.one(Count::Accepted);
        metrics.many(Count::Posted, 2);
        metrics.posted(now(), now().plus(Duration::from_millis(12)));
        metrics.flush(now());
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(
            serde_json::from_str::<Value>(&lines[0]).unwrap(),
            json!({
                "_aws": {
                    "Timestamp": 1_700_000_000_000_u64,
                    "CloudWatchMetrics": [{
                        "Namespace": "Signalbox/test",
                        "Dimensions": [[]],
                        "Metrics": [
                            {"Name": "Accepted"},
                            {"Name": "Posted"},
                            {"Name": "PostLatency", "Unit": "Milliseconds"},
                        ],
                    }],
                },
                "Accepted": 1,
                "Posted": 2,
                "PostLatency": 12,
            })
        );
    }

    #[test]
    fn what_counts_nothing_writes_nothing_and_nothing_is_written_twice() {
        let (lines, metrics) = embedded();
        metrics.many(Count::Posted, 0);
        metrics.flush(now());
        assert!(lines.lock().unwrap().is_empty());
        metrics.one(Count::Posted);
        metrics.flush(now());
        metrics.flush(now());
        assert_eq!(lines.lock().unwrap().len(), 1);
    }

    #[test]
    fn each_further_reason_is_a_line_of_its_own() {
        let (lines, metrics) = embedded();
        for kind in [RefusalKind::TtlMissing, RefusalKind::TtlMissing, RefusalKind::Unavailable] {
            metrics.refused(Refused::Request(kind));
        }
        metrics.refused(Refused::Terminal(ErrorReason::Unavailable));
        metrics.one(Count::Owed);
        metrics.flush(now());
        let lines: Vec<Value> =
            lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((&lines[0]["Reason"], &lines[0]["Refused"]), (&json!("ttl-missing"), &json!(2)));
        assert_eq!(lines[0]["Owed"], 1);
        assert_eq!((&lines[1]["Reason"], &lines[1]["Refused"]), (&json!("unavailable"), &json!(1)));
        assert_eq!(lines[1]["TerminalsRefused"], 1);
    }

    fn refusals() -> impl Strategy<Value = Vec<Refused>> {
        let kinds = proptest::sample::select(RefusalKind::ALL).prop_map(Refused::Request);
        let reasons = proptest::sample::select(ErrorReason::ALL).prop_map(Refused::Terminal);
        proptest::collection::vec(prop_oneof![kinds, reasons], 0..8)
    }

    proptest! {
        /// Whatever is counted: each document is what the format takes, and all of them together say what was counted.
        #[test]
        fn documents_are_valid_and_lose_nothing(
            counts in proptest::collection::vec((proptest::sample::select(&Count::ALL[..]), 1..500_usize), 0..20),
            refusals in refusals(),
            latencies in proptest::collection::vec(0..60_000_u64, 0..250),
        ) {
            let (lines, metrics) = embedded();
            for (what, many) in &counts {
                metrics.many(*what, *many);
            }
            for refused in &refusals {
                metrics.refused(*refused);
            }
            for latency in &latencies {
                metrics.posted(now(), now().plus(Duration::from_millis(*latency)));
            }
            metrics.flush(now());
            let (mut counted, mut refused, mut values) = (0, 0, 0);
            for line in lines.lock().unwrap().iter() {
                let document: Value = serde_json::from_str(line).unwrap();
                prop_assert!(line.len() < 256 * 1024);
                prop_assert_eq!(&document["_aws"]["Timestamp"], &json!(now().as_millis()));
                for directive in document["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
                    let definitions = directive["Metrics"].as_array().unwrap();
                    prop_assert!((1..=100).contains(&definitions.len()));
                    let dimensions = directive["Dimensions"][0].as_array().unwrap();
                    prop_assert!(dimensions.iter().all(|key| document[key.as_str().unwrap()].is_string()));
                    for definition in definitions {
                        let target = &document[definition["Name"].as_str().unwrap()];
                        match target.as_array() {
                            Some(array) => {
                                prop_assert!(array.len() <= 100 && array.iter().all(Value::is_u64));
                                values += array.len();
                            }
                            None if definition["Name"] == LATENCY => values += 1,
                            None if dimensions.is_empty() => counted += target.as_u64().unwrap(),
                            None => refused += target.as_u64().unwrap(),
                        }
                    }
                }
            }
            prop_assert_eq!(counted, counts.iter().map(|(_, many)| u64::try_from(*many).unwrap()).sum::<u64>());
            prop_assert_eq!(refused, u64::try_from(refusals.len()).unwrap());
            prop_assert_eq!(values, latencies.len());
        }
    }
}
