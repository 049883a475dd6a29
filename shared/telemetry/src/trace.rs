use std::fmt;
use std::str::FromStr;

use signalbox_domain::EventId;

/// What every line of one request carries, so that one search finds all of it, in whichever function: API Gateway's id of the
/// request, which the access logs and the answer have too, Lambda's of the invocation, and X-Ray's where it traces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// API Gateway's.
    pub request: Option<EventId>,
    /// Lambda's, which its own lines about the invocation have.
    pub invocation: Option<EventId>,
    /// X-Ray's.
    pub xray: Option<XrayRoot>,
}

impl Trace {
    /// What lines are logged in. At the highest level: whatever is logged at all carries it.
    #[must_use]
    pub fn span(&self) -> tracing::Span {
        tracing::error_span!(
            "request",
            request = self.request.as_ref().map(EventId::as_str),
            invocation = self.invocation.as_ref().map(EventId::as_str),
            xray = self.xray.as_ref().map(|root| root.0.as_str()),
        )
    }
}

/// The id that all segments of one trace of X-Ray share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XrayRoot(String);

/// There is no such id in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no `Root=1-<8 hexadecimal digits>-<24 hexadecimal digits>`")]
pub struct NoXrayRoot;

impl FromStr for XrayRoot {
    type Err = NoXrayRoot;

    /// Reads the header `X-Amzn-Trace-Id`, `Root=1-67891233-abcdef012345678912345678;Parent=...;Sampled=1`. A sender can put
    /// into it what it likes, so that nothing else is taken than what has the form.
    fn from_str(header: &str) -> Result<Self, NoXrayRoot> {
        let root = header.split(';').find_map(|part| part.trim().strip_prefix("Root=")).ok_or(NoXrayRoot)?;
        let hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
        let fits = match root.split('-').collect::<Vec<_>>()[..] {
            ["1", time, unique] => hex(time, 8) && hex(unique, 24),
            _ => false,
        };
        if fits { Ok(Self(root.to_owned())) } else { Err(NoXrayRoot) }
    }
}

impl fmt::Display for XrayRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A filter that lets errors alone through lets the span of an error through too.
    #[test]
    fn whatever_is_logged_at_all_carries_the_trace() {
        struct Everything;
        impl tracing::Subscriber for Everything {
            fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
                true
            }
            fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
                tracing::span::Id::from_u64(1)
            }
            fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
            fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
            fn event(&self, _: &tracing::Event<'_>) {}
            fn enter(&self, _: &tracing::span::Id) {}
            fn exit(&self, _: &tracing::span::Id) {}
        }
        tracing::subscriber::with_default(Everything, || {
            assert_eq!(*Trace::default().span().metadata().unwrap().level(), tracing::Level::ERROR);
        });
    }

    #[test]
    fn the_root_is_taken_from_the_header_and_nothing_else() {
        let root = "1-67891233-abcdef012345678912345678";
        for header in [
            format!("Root={root}"),
            format!("Self=1-67891234-12456789abcdef012345678; Root={root};Parent=463ac35c9f6413ad;Sampled=1"),
        ] {
            assert_eq!(header.parse::<XrayRoot>().unwrap().to_string(), root);
        }
        for header in [
            "",
            root,
            "Root=",
            "Root=1-67891233-abcdef01234567891234567",
            "Root=2-67891233-abcdef012345678912345678",
            "Root=1-67891233-abcdef01234567891234567\u{e4}",
            "Root=1-67891233-abcdef012345678912345678-x",
            "Root=a secret",
        ] {
            assert_eq!(header.parse::<XrayRoot>(), Err(NoXrayRoot), "{header}");
        }
    }
}
