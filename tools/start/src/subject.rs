use std::path::{Path, PathBuf};

/// A function under test, and the event that it gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    /// Its binary.
    pub(crate) name: &'static str,
    event: &'static str,
}

/// What the others are compared with.
pub(crate) const EMPTY: Subject =
    Subject { name: "empty", event: include_str!("../../../tests/events/aws/push.json") };

/// What the AWS SDK costs without any of Signalbox.
pub(crate) const ONE_READ: Subject = Subject { name: "one-read", event: EMPTY.event };

/// The table of the function `keep-alive`.
pub(crate) const KEEP_ALIVE: &str = "keep-alive";

/// The functions. Each event is one that is answered: whom it is about does not exist in a store that is empty.
pub(crate) const FUNCTIONS: [Subject; 10] = [
    Subject { name: "connection", event: include_str!("../../../tests/events/aws/connect.json") },
    Subject { name: "provision", event: include_str!("../../../tests/events/aws/hello.json") },
    Subject { name: "issue-token", event: include_str!("../../../tests/events/aws/register.json") },
    Subject { name: "validate-token", event: include_str!("../../../tests/events/aws/validate.json") },
    Subject { name: "notify", event: include_str!("../../../tests/events/aws/push.json") },
    Subject { name: "drain", event: include_str!("../../../tests/events/aws/drain.json") },
    Subject { name: "fanout", event: include_str!("../../../tests/events/aws/fanout.json") },
    Subject { name: "fanout-page", event: include_str!("../../../tests/events/aws/fanout-page.json") },
    Subject { name: "supervise", event: include_str!("../../../tests/events/aws/applications.json") },
    Subject { name: "keep-alive", event: include_str!("../../../tests/events/aws/keep-alive.json") },
];

impl Subject {
    /// The event as it is handed out.
    pub(crate) fn event(&self) -> &'static [u8] {
        self.event.as_bytes()
    }

    /// What the template sets for it alone, unless everything that is optional is switched on.
    pub(crate) fn variables(&self) -> &'static [(&'static str, &'static str)] {
        if self.name == "keep-alive" { &[("SIGNALBOX_TABLE_KEEP_ALIVE", KEEP_ALIVE)] } else { &[] }
    }

    /// The binary in this folder.
    pub(crate) fn binary(&self, folder: &Path) -> PathBuf {
        folder.join(self.name)
    }
}
