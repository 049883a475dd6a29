use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use signalbox_domain::Timestamp;

use crate::document::documents;
use crate::{Count, Record, Refused};

/// What a deployment's metrics are kept under in CloudWatch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

/// It is no namespace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 of `A-Z a-z 0-9 . - _ / # :`, and not begin with `AWS/`")]
pub struct InvalidNamespace;

impl FromStr for Namespace {
    type Err = InvalidNamespace;

    fn from_str(text: &str) -> Result<Self, InvalidNamespace> {
        let fits = (1..=255).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_/#:".contains(&b))
            && !text.starts_with("AWS/");
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidNamespace) }
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one invocation has counted.
#[derive(Debug, Default)]
pub(crate) struct Invocation {
    pub(crate) counts: BTreeMap<Count, u64>,
    /// By metric and reason.
    pub(crate) refused: BTreeMap<(&'static str, &'static str), u64>,
    /// In milliseconds.
    pub(crate) latencies: Vec<u64>,
}

/// Counts an invocation, and writes it as CloudWatch's embedded metric format, from which CloudWatch makes metrics: a line
/// where something was counted (one more for each further reason of refusals, and for each 100 latencies), none where nothing
/// was. For a process that serves one invocation at a time.
pub struct Embedded {
    namespace: Namespace,
    write: Box<dyn Fn(&str) + Send + Sync>,
    invocation: Mutex<Invocation>,
}

impl Embedded {
    /// Under this namespace. `write` is given each line, without its end.
    pub fn new(namespace: Namespace, write: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { namespace, write: Box::new(write), invocation: Mutex::default() }
    }

    fn invocation(&self) -> MutexGuard<'_, Invocation> {
        self.invocation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record for Embedded {
    fn count(&self, what: Count, many: u64) {
        *self.invocation().counts.entry(what).or_default() += many;
    }

    fn refused(&self, refused: Refused) {
        *self.invocation().refused.entry((refused.name(), refused.reason())).or_default() += 1;
    }

    fn posted_after(&self, latency: Duration) {
        self.invocation().latencies.push(u64::try_from(latency.as_millis()).unwrap_or(u64::MAX));
    }

    fn flush(&self, now: Timestamp) {
        let invocation = std::mem::take(&mut *self.invocation());
        for document in documents(&invocation, &self.namespace, now) {
            (self.write)(&document.to_string());
        }
    }
}

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedded").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_what_cloudwatch_takes() {
        for good in ["Signalbox", "Signalbox/push", "a.b-c_d#e:f"] {
            assert_eq!(good.parse::<Namespace>().unwrap().to_string(), good);
        }
        let long = "a".repeat(256);
        for bad in ["", "AWS/Lambda", "a b", "ä", "a\"b", &long] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad}");
        }
    }
}
