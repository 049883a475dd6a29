use std::io;
use std::path::Path;

use rustix::fs::{Mode, fchmod};
use tokio::net::{UnixListener, UnixSocket};

/// The operator's socket, in the data directory.
pub const OPERATOR_SOCKET: &str = "operator.sock";
/// How many callers may wait to be taken in.
const BACKLOG: u32 = 64;

/// Listens on a Unix socket at this path, which its owner alone can connect to. What a process before has left there goes:
/// whoever calls this holds the directory.
pub(in crate::host) fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let socket = UnixSocket::new_stream()?;
    // Before it has a name, and so before anybody could connect: Linux makes the file with the socket's own mode.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    socket.bind(path)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn it_is_its_owners_alone_and_takes_the_place_of_an_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(OPERATOR_SOCKET);
        for _ in 0..2 {
            let listener = listen(&path).unwrap();
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
            drop(listener);
        }
    }
}
