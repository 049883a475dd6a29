use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use signalbox_telemetry::{Embedded, InvalidNamespace, Metrics};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use crate::InvalidSetting;
use crate::settings::variable;

/// Below the level `info` these show whole requests and events, secrets and all.
const QUIET: [&str; 13] = [
    "aws_sdk_apigatewaymanagement",
    "aws_sdk_dynamodb",
    "aws_sdk_secretsmanager",
    "aws_sdk_sqs",
    "aws_sigv4",
    "aws_smithy_http_client",
    "aws_smithy_runtime",
    "aws_runtime",
    "dynoxide",
    "h2",
    "hyper",
    "lambda_http",
    "lambda_runtime",
];

/// What is logged: `filter`, or `info` where it is none, and of the libraries that show secrets nothing below `info`. By module
/// and level alone: a filter that looks into spans brings a compiler of regular expressions, which takes a function longer to
/// start than all its clients.
#[must_use]
pub fn log_filter(filter: Option<&str>) -> Targets {
    let filter: Option<Targets> = filter.and_then(|filter| filter.parse().ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let most = filter.iter().map(|(_, level)| level).chain(filter.default_level()).max();
    if most.is_some_and(|level| level < LevelFilter::INFO) {
        // Nothing is to be held down, and nothing must be raised.
        return filter;
    }
    filter.with_targets(QUIET.map(|library| (library, LevelFilter::INFO)))
}

/// Starts logging to standard error, filtered by `filter` (as `info` or `signalbox_store=debug`; `info` where it is none):
/// JSON lines, or text where a person is reading. No secret is ever logged (I11).
pub fn init(filter: Option<&str>) {
    let registry = registry().with(log_filter(filter));
    let lines = fmt::layer().with_writer(std::io::stderr);
    // Set once; a second start in the same process (a test) keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        registry.with(lines).try_init()
    } else {
        registry.with(lines.json().with_span_list(false)).try_init()
    };
}

/// Metrics as the template sets them: lines to standard output, from which CloudWatch makes metrics under the namespace that
/// `SIGNALBOX_METRICS` names. None where it names none.
///
/// # Errors
/// Where it is no namespace.
pub(crate) fn metrics_from_environment() -> Result<Metrics, InvalidSetting> {
    const METRICS: &str = "SIGNALBOX_METRICS";
    let Some(namespace) = variable(METRICS) else { return Ok(Metrics::off()) };
    let namespace = namespace.parse().map_err(|rule: InvalidNamespace| InvalidSetting::Wrong {
        name: METRICS,
        reason: rule.to_string(),
    })?;
    // One write for each line: it must not be torn by a line of the log. That it fails is no reason to fail.
    let write = |line: &str| drop(std::io::stdout().write_all(format!("{line}\n").as_bytes()));
    Ok(Metrics::new(Arc::new(Embedded::new(namespace, write))))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    /// I11: whatever is asked for, libraries that show whole requests do not.
    #[test]
    fn libraries_that_show_secrets_are_held_down() {
        for asked in ["trace", "aws_smithy_runtime=trace", "info,hyper=debug"] {
            let filter = log_filter(Some(asked));
            for library in ["aws_smithy_runtime::client", "hyper::proto", "h2", "lambda_runtime::layers"] {
                assert!(!filter.would_enable(library, &Level::DEBUG), "{asked}: {library}");
            }
        }
        assert!(log_filter(Some("trace")).would_enable("signalbox_store", &Level::TRACE));
    }

    #[test]
    fn nothing_is_raised() {
        let filter = log_filter(Some("error"));
        assert!(!filter.would_enable("hyper", &Level::WARN));
        assert!(filter.would_enable("hyper", &Level::ERROR));
    }

    #[test]
    fn levels_are_set_by_module_and_what_cannot_be_read_is_info() {
        let filter = log_filter(Some("warn,signalbox_store=debug"));
        assert!(filter.would_enable("signalbox_store::access", &Level::DEBUG));
        assert!(!filter.would_enable("signalbox_notify", &Level::INFO));
        for none in [None, Some("signalbox=loud")] {
            let filter = log_filter(none);
            assert!(filter.would_enable("signalbox_notify", &Level::INFO), "{none:?}");
            assert!(!filter.would_enable("signalbox_notify", &Level::DEBUG), "{none:?}");
        }
    }
}
