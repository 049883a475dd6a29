/// A function of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Connection,
    Provision,
    IssueToken,
    ValidateToken,
    Notify,
    Drain,
    Fanout,
    FanoutPage,
    Supervise,
    /// There where `KeepAlive` is on.
    KeepAlive,
}

impl Function {
    pub(super) const ALL: [Self; 10] = [
        Self::Connection,
        Self::Provision,
        Self::IssueToken,
        Self::ValidateToken,
        Self::Notify,
        Self::Drain,
        Self::Fanout,
        Self::FanoutPage,
        Self::Supervise,
        Self::KeepAlive,
    ];

    /// Its name in the documents.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Provision => "provision",
            Self::IssueToken => "issue-token",
            Self::ValidateToken => "validate-token",
            Self::Notify => "notify",
            Self::Drain => "drain",
            Self::Fanout => "fanout",
            Self::FanoutPage => "fanout-page",
            Self::Supervise => "supervise",
            Self::KeepAlive => "keep-alive",
        }
    }

    /// Its logical id in the template.
    pub(super) fn logical(self) -> String {
        format!("{self:?}Function")
    }

    /// That of its role, which SAM makes.
    pub(super) fn role(self) -> String {
        format!("{self:?}FunctionRole")
    }
}
