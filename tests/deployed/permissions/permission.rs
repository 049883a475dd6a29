/// What a permission is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On {
    Terminals,
    Messages,
    Connections,
    /// The table of jobs and audiences.
    Fanouts,
    /// The table of applications and their servers' keys.
    Applications,
    /// The table of connections that are kept alive.
    KeepAlives,
    /// Posting to the terminals' connections.
    Posts,
    /// Closing them.
    Closes,
    DrainQueue,
    PageQueue,
    KeyRing,
    EnrolmentKeys,
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
            Self::Fanouts => "table of jobs and audiences",
            Self::Applications => "table of applications",
            Self::KeepAlives => "table of connections that are kept alive",
            Self::Posts => "posts to connections",
            Self::Closes => "ends of connections",
            Self::DrainQueue => "queue of drains",
            Self::PageQueue => "queue of pages",
            Self::KeyRing => "key ring",
            Self::EnrolmentKeys => "enrolment keys",
        }
    }
}

/// Posting to a connection.
pub(super) const POST: Permission = On::Posts.may("execute-api:ManageConnections");
/// Closing one.
pub(super) const CLOSE: Permission = On::Closes.may("execute-api:ManageConnections");
/// Owing something to the queue of drains.
pub(super) const OWE: Permission = On::DrainQueue.may("sqs:SendMessage");
/// Putting work into the queue of pages.
pub(super) const QUEUE_PAGES: Permission = On::PageQueue.may("sqs:SendMessage");
/// Reading the key ring.
pub(super) const READ_KEY_RING: Permission = On::KeyRing.may("secretsmanager:GetSecretValue");

/// Reading the enrolment keys.
pub(super) const READ_ENROLMENT_KEYS: Permission = On::EnrolmentKeys.may("secretsmanager:GetSecretValue");

/// What Lambda does in a function's name, before it wakes it with what is in a queue and after.
pub(super) fn taken_by_lambda(queue: On) -> Vec<(Permission, &'static str)> {
    ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
        .map(|action| (queue.may(action), "Lambda, to wake the function; the emulator does not ask for it"))
        .to_vec()
}
