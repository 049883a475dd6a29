use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The log that SQLite writes ahead of its database file (`-wal`): what is on disk there survives a loss of power.
///
/// The engine commits without waiting for the disk (`synchronous = NORMAL`: SQLite itself syncs at checkpoints only, and
/// after a loss of power finds a prefix of the commits). This makes all commits so far durable at once.
pub(super) struct Disk {
    log: PathBuf,
    open: Option<File>,
}

impl Disk {
    /// Of the database in this file.
    pub(super) fn of(database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Self { log: log.into(), open: None }
    }

    /// Returns when everything that was committed before is on disk. SQLite makes the log with its first commit and keeps
    /// it for as long as the database is open. (It locks other files than this one: closing this handle frees no lock.)
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if let Some(log) = &self.open {
            return log.sync_data();
        }
        let log = File::open(&self.log)?;
        log.sync_data()?;
        // The name, too: a file that its directory does not list is lost.
        if let Some(directory) = self.log.parent() {
            File::open(directory)?.sync_all()?;
        }
        self.open = Some(log);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DynamoWire;

    /// ADR 17: the engine's file is this process's alone. Memory that processes share would be a third file.
    #[tokio::test]
    async fn the_file_is_shared_with_no_other_process() {
        let directory = tempfile::tempdir().unwrap();
        let _open = DynamoWire::open(&directory.path().join("store")).unwrap();
        let files = std::fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["store", "store-wal"], "is .cargo/config.toml read?");
    }

    #[test]
    fn a_log_that_is_not_there_is_an_error() {
        let error = Disk::of(Path::new("/no/such/database")).sync().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
