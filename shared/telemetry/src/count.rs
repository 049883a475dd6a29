/// Makes the enum, its list and its names of one table, so that nothing is counted without a name.
macro_rules! counts {
    ($($count:ident, $word:literal, $help:literal;)*) => {
        /// What is counted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Count {
            $(#[doc = $help] $count,)*
        }

        impl Count {
            /// Everything that is counted.
            pub const ALL: [Self; [$(Self::$count,)*].len()] = [$(Self::$count,)*];

            /// Its name as a metric of CloudWatch.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$count => stringify!($count),)*
                }
            }

            /// Its name as a metric of Prometheus, without the service's.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$count => $word,)*
                }
            }

            /// What it is, in words.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self {
                    $(Self::$count => $help,)*
                }
            }
        }
    };
}

counts! {
    Accepted, "accepted", "Notifications that were answered 201 or 202";
    Stored, "stored", "Notifications that were stored";
    Posted, "posted", "Notifications that were posted to a connection, each time that one was";
    Owed, "owed", "What was put into the queue of drains";
    Acknowledged, "acknowledged", "Notifications that a terminal has acknowledged";
    Expired, "expired", "Notifications that a drain has found expired";
    KeptAlive, "kept_alive", "Keep-alives that were posted";
    ConnectionsOpened, "connections_opened", "Connections of terminals that were admitted";
    ConnectionsClosed, "connections_closed", "Connections of terminals that have ended, as far as it was told";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// CloudWatch and Prometheus take these characters, and `_total` is put behind a counter's name.
    #[test]
    fn names_are_distinct_and_such_as_both_take() {
        let names: HashSet<_> = Count::ALL.iter().flat_map(|count| [count.name(), count.word()]).collect();
        assert_eq!(names.len(), 2 * Count::ALL.len());
        for name in names {
            assert!(name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_'), "{name}");
            assert!(!name.ends_with("_total"), "{name}");
        }
    }
}
