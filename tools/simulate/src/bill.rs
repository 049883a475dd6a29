use serde::Serialize;

use crate::meter::{Counts, Runs};
use crate::setting::Setting;

/// The prices of the page of costs.
const PRICES: &str = include_str!("../../../tests/functions/bill/prices.txt");
/// What an invocation logs, in GB; as on that page.
const LOGGED: f64 = 600.0 / 1e9;

/// What something costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// What.
    pub what: &'static str,
    /// How many of it.
    pub count: f64,
    /// Dollars, all of it.
    pub dollars: f64,
}

/// Dollars for one.
fn price(name: &str) -> f64 {
    let lines = PRICES.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let mut prices = lines.filter(|parts| parts.first() == Some(&name));
    let number = |text: Option<&&str>| text.and_then(|text| text.parse::<f64>().ok());
    let price = prices.next().and_then(|parts| Some(number(parts.get(1))? / number(parts.get(2))?));
    // A price that is not there must be seen in the sum.
    price.unwrap_or(f64::NAN)
}

/// The bill, a line for each thing that costs.
#[expect(clippy::cast_precision_loss, reason = "counts of this size are exact")]
pub(crate) fn bill(setting: &Setting, counts: &Counts) -> Vec<Line> {
    let line = |what, name, count: f64| Line { what, count, dollars: count * price(name) };
    let memory = f64::from(setting.memory) / 1_024.0;
    let runs = |name: &str| counts.runs.get(name).copied().unwrap_or_default();
    let time = |runs: Runs| runs.time.as_secs_f64() * memory;
    let (acks, workers) = (runs("connection"), runs("fanout-page"));
    let others = [runs("fanout"), runs("drain")];
    let all = counts.runs.values().map(|runs| runs.count).sum::<u64>() as f64;
    let (reads, writes) =
        counts.units.values().fold((0.0, 0.0), |sum, units| (sum.0 + units.reads, sum.1 + units.writes));
    vec![
        line(
            "WebSocket messages: posts and acknowledgements",
            "socket-message",
            counts.socket_messages as f64,
        ),
        line("HTTP API requests", "http-request", 2.0),
        line("DynamoDB write units", "dynamodb-write", writes),
        line("DynamoDB read units", "dynamodb-read", reads),
        line("Lambda invocations", "lambda-request", all),
        line("Lambda GB-seconds: fanout-page", "lambda-time", time(workers)),
        line("Lambda GB-seconds: connection, 20 ms for each acknowledgement", "lambda-time", time(acks)),
        line("Lambda GB-seconds: fanout and drain", "lambda-time", others.into_iter().map(time).sum()),
        line("SQS requests", "queue-request", counts.of_service("sqs") as f64),
        line("CloudWatch Logs, GB: 600 bytes for each invocation", "log", all * LOGGED),
        line("Transfer out, GB: frames", "transfer", counts.frame_bytes as f64 / 1e9),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_has_a_price() {
        let bill = bill(&Setting::default(), &Counts { socket_messages: 2_000_000, ..Counts::default() });
        assert!(bill.iter().all(|line| line.dollars.is_finite()), "{bill:?}");
        assert!((bill[0].dollars - 2.0).abs() < 1e-9, "{bill:?}");
    }
}
