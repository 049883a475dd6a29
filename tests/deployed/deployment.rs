use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;
use tokio::process::Command;

use crate::stack::root;

/// The project's own deployment, `infra/emulator/deploy`, into a stack of the test's own.
pub(crate) struct Deployment {
    stack: &'static str,
    /// The functions as they were built, and the template as it is in the project, or as the test has changed them.
    folder: TempDir,
}

impl Deployment {
    pub(crate) fn of(stack: &'static str) -> Self {
        let deployment = Self { stack, folder: TempDir::new().unwrap() };
        for binary in std::fs::read_dir(binaries()).unwrap() {
            let binary = binary.unwrap();
            symlink(binary.path(), deployment.folder.path().join(binary.file_name())).unwrap();
        }
        deployment.template(|template| template);
        deployment
    }

    /// Has the stack made of another template from now on.
    pub(crate) fn template(&self, change: impl FnOnce(String) -> String) {
        let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
        std::fs::write(self.template_file(), change(template)).unwrap();
    }

    fn template_file(&self) -> PathBuf {
        self.folder.path().join("template.yaml")
    }

    /// Gives a function other code, which does the same.
    pub(crate) async fn change_code(&self, binary: &str) {
        let (built, changed) = (binaries().join(binary), self.folder.path().join(binary));
        std::fs::remove_file(&changed).unwrap();
        let section = format!(".note.changed={}", self.template_file().display());
        let status =
            Command::new("objcopy").args(["--add-section", &section]).arg(built).arg(changed).status();
        assert!(status.await.expect("objcopy of the binutils, as strip is").success());
    }

    /// Deploys it; an error says how it failed.
    pub(crate) async fn run(&self, parameters: &[&str]) -> Result<(), String> {
        let output = Command::new(root().join("infra/emulator/deploy"))
            .arg(self.folder.path())
            .args(parameters)
            .env("SIGNALBOX_EMULATOR_STACK", self.stack)
            .env("SIGNALBOX_EMULATOR_TEMPLATE", self.template_file())
            .stdin(Stdio::null())
            .output()
            .await
            .expect("it runs");
        said(&output)
    }

    /// Deletes the stack, by the command of docs/DEPLOY.md.
    pub(crate) async fn delete(&self) -> Result<(), String> {
        let output = Command::new(venv().join("sam/bin/sam"))
            .args(["delete", "--no-prompts", "--stack-name", self.stack, "--region", "us-east-1"])
            .env("SAM_CLI_TELEMETRY", "0")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .await
            .expect("it runs");
        said(&output)
    }
}

/// What a program has said, where it failed.
pub(crate) fn said(output: &Output) -> Result<(), String> {
    if output.status.success() {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(text(&output.stdout) + &text(&output.stderr))
}

fn binaries() -> PathBuf {
    root()
        .join(std::env::var("SIGNALBOX_EMULATOR_BINARIES").expect("the folder with the functions' binaries"))
}

fn venv() -> PathBuf {
    std::env::var("SIGNALBOX_EMULATOR_VENV")
        .map_or_else(|_| root().join("target/emulator-venv"), |venv| Path::new(&venv).to_owned())
}
