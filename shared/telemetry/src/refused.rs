use signalbox_domain::RefusalKind;
use signalbox_wire::ErrorReason;

/// A refusal, and why: of a few dozen reasons, whatever was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// An application server's request.
    Request(RefusalKind),
    /// A terminal's message, and with it its connection.
    Terminal(ErrorReason),
}

impl Refused {
    /// The name of those that are counted together, as a metric of CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request(_) => "Refused",
            Self::Terminal(_) => "TerminalsRefused",
        }
    }

    /// The reason, in a word.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Request(kind) => kind.as_str(),
            Self::Terminal(reason) => reason.as_str(),
        }
    }
}
