use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Below the level `info` these show whole requests and events, secrets and all.
const QUIET: [&str; 13] = [
    "aws_sdk_apigatewaymanagement=info",
    "aws_sdk_dynamodb=info",
    "aws_sdk_secretsmanager=info",
    "aws_sdk_sqs=info",
    "aws_sigv4=info",
    "aws_smithy_http_client=info",
    "aws_smithy_runtime=info",
    "aws_runtime=info",
    "dynoxide=info",
    "h2=info",
    "hyper=info",
    "lambda_http=info",
    "lambda_runtime=info",
];

/// What is logged: `filter`, or `info` where it is none, and of the libraries that show secrets nothing below `info`.
#[must_use]
pub fn log_filter(filter: Option<&str>) -> EnvFilter {
    let filter = filter.and_then(|filter| filter.parse().ok()).unwrap_or_else(|| EnvFilter::new("info"));
    if filter.max_level_hint().is_some_and(|level| level < LevelFilter::INFO) {
        // Nothing is to be held down, and nothing must be raised.
        return filter;
    }
    QUIET.iter().filter_map(|directive| directive.parse().ok()).fold(filter, EnvFilter::add_directive)
}

/// Starts logging to standard error, filtered by `filter` (as `info` or `signalbox_store=debug`; `info` where it is none):
/// JSON lines, or text where a person is reading. No secret is ever logged (I11).
pub fn init(filter: Option<&str>) {
    let lines = tracing_subscriber::fmt().with_env_filter(log_filter(filter)).with_writer(std::io::stderr);
    // Set once; a second start in the same process (a test) keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        lines.try_init()
    } else {
        lines.json().with_span_list(false).try_init()
    };
}
