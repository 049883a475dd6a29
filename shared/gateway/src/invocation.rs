use lambda_http::Context;
use signalbox_telemetry::Trace;

/// What Lambda says of an invocation: its id, and X-Ray's where it traces. What is not of the form is left out.
#[must_use]
pub fn of_invocation(context: &Context) -> Trace {
    Trace {
        request: None,
        invocation: context.request_id.parse().ok(),
        xray: context.xray_trace_id.as_deref().and_then(|header| header.parse().ok()),
    }
}
