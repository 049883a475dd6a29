use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::Process;

/// A small filesystem in a mount namespace of its own: nobody else sees it, and it ends with this.
pub(crate) struct Filesystem {
    holder: Child,
    directory: tempfile::TempDir,
    log: PathBuf,
}

impl Filesystem {
    /// In memory, of so many KiB.
    pub(crate) fn in_memory(size: usize) -> Self {
        Self::mounted(&format!("mount -t tmpfs -o size={size}k tmpfs mount"))
    }

    /// An ext4 on this file, made where there is none. What is on it outlives this.
    pub(crate) fn on_image(image: &Path) -> Self {
        if !image.exists() {
            File::create(image).and_then(|file| file.set_len(16 << 20)).expect("an image");
            run(Command::new("mkfs.ext4").arg("-q").arg(image));
        }
        Self::mounted(&format!("mount -o loop {} mount", image.display()))
    }

    fn mounted(mount: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let script = format!("mkdir mount && {mount} && echo mounted && exec sleep infinity");
        let mut holder = Command::new("unshare")
            .args(["--mount", "sh", "-c", &script])
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare (util-linux) is there");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().expect("it is piped")).read_line(&mut line).expect("text");
        assert_eq!(
            line, "mounted\n",
            "these tests mount filesystems: run them as root, where `{mount}` is allowed"
        );
        let log = directory.path().join("log");
        Self { holder, directory, log }
    }

    /// The data directory on it, as the service sees it.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("mount/data")
    }

    /// Starts the service on it. None where it does not start.
    pub(crate) fn serve(&self, listen: &str) -> Option<Process> {
        let mut command = self.inside();
        command.arg(env!("CARGO_BIN_EXE_signalbox"));
        command.stderr(File::create(&self.log).expect("a log"));
        let data = self.data();
        Process::start_as(command, &["--listen", listen, "--data", data.to_str().expect("a plain path")])
    }

    /// What the last start has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    pub(crate) fn remount(&self, options: &str) {
        let mount = self.directory.path().join("mount");
        run(self.inside().args(["mount", "-o", &format!("remount,{options}")]).arg(mount));
    }

    /// Takes all room but so many KiB.
    pub(crate) fn fill(&self, leave: u64) {
        let mut ballast = File::create(self.ballast()).expect("a file");
        loop {
            match ballast.write_all(&[0; 1024]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        let taken = ballast.metadata().expect("its size").len();
        ballast.set_len(taken.saturating_sub(leave * 1024)).expect("it shrinks");
    }

    /// Gives the room back.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.ballast()).expect("it is there");
    }

    fn ballast(&self) -> PathBuf {
        let inside = self.directory.path().strip_prefix("/").expect("an absolute path");
        Path::new(&format!("/proc/{}/root", self.holder.id())).join(inside).join("mount/ballast")
    }

    fn inside(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.holder.id())).arg("--");
        command
    }
}

impl Drop for Filesystem {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
