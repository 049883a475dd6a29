use rustix::process::{Resource, getrlimit, setrlimit};

/// The runtime's own, standard streams, files that are read.
const BESIDE_CONNECTIONS: u64 = 64;

/// Too few files may be open.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{needed} open files are needed and {allowed} allowed: raise the hard limit (`ulimit -Hn`), or share the connections \
     out among several runs"
)]
pub(crate) struct TooFewFiles {
    needed: u64,
    allowed: u64,
}

/// Raises the soft limit of open files to the hard one, and sees whether so many connections fit.
pub(crate) fn allow_connections(connections: u64) -> Result<(), TooFewFiles> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = raised;
        }
    }
    // None is: without a limit.
    fits(connections, limit.current.unwrap_or(u64::MAX))
}

fn fits(connections: u64, allowed: u64) -> Result<(), TooFewFiles> {
    let needed = connections.saturating_add(BESIDE_CONNECTIONS);
    if needed > allowed { Err(TooFewFiles { needed, allowed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_many_files_are_missing() {
        assert_eq!(fits(936, 1000), Ok(()));
        let refused = fits(937, 1000).unwrap_err();
        assert_eq!(refused, TooFewFiles { needed: 1001, allowed: 1000 });
        assert!(refused.to_string().contains("ulimit -Hn"));
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        allow_connections(1).unwrap();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
