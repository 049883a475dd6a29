/// What a permission is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    Terminals,
    Messages,
    Connections,
    /// Posting to the terminals' connections.
    Posts,
    /// Closing them.
    Closes,
    DrainQueue,
    KeyRing,
}

/// One action on one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Permission {
    pub(super) on: On,
    pub(super) action: &'static str,
}

impl On {
    pub(super) const fn may(self, action: &'static str) -> Permission {
        Permission { on: self, action }
    }

    /// In the words of the page.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Terminals => "table of terminals",
            Self::Messages => "table of messages",
            Self::Connections => "table of connections",
            Self::Posts => "posts to connections",
            Self::Closes => "ends of connections",
            Self::DrainQueue => "queue of drains",
            Self::KeyRing => "key ring",
        }
    }
}

/// Posting to a connection.
pub(super) const POST: Permission = On::Posts.may("execute-api:ManageConnections");
/// Closing one.
pub(super) const CLOSE: Permission = On::Closes.may("execute-api:ManageConnections");
/// Owing something to the queue of drains.
pub(super) const OWE: Permission = On::DrainQueue.may("sqs:SendMessage");
/// Reading the key ring.
pub(super) const READ_KEY_RING: Permission = On::KeyRing.may("secretsmanager:GetSecretValue");
