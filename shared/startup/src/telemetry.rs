use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging to standard error, filtered by `filter` (as `info` or `signalbox_store=debug`; `info` where it is none):
/// JSON lines, or text where a person is reading. No secret is ever logged (I11).
pub fn init(filter: Option<&str>) {
    let filter =
        filter.and_then(|filter| filter.parse::<EnvFilter>().ok()).unwrap_or_else(|| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(std::io::stderr);
    // Set once; a second start in the same process (a test) keeps the first.
    let _ = if std::io::stderr().is_terminal() {
        lines.try_init()
    } else {
        lines.json().with_span_list(false).try_init()
    };
}
