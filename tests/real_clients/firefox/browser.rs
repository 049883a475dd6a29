use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::marionette::Marionette;
use super::profile::Profile;
use crate::support::PATIENCE;

/// The first start of a profile on a busy machine.
const START: Duration = Duration::from_secs(60);

/// A running Firefox, headless, with one tab.
pub struct Firefox {
    process: Process,
    marionette: Marionette,
}

/// Ends with the test, however that ends. Its own children end with it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Firefox {
    /// Starts the browser on this profile, as `SIGNALBOX_FIREFOX` or the path names it.
    pub async fn start(profile: &Profile) -> Self {
        let program = std::env::var("SIGNALBOX_FIREFOX").ok().filter(|program| !program.is_empty());
        let program = program.unwrap_or_else(|| "firefox-esr".to_owned());
        let port_file = profile.path().join("MarionetteActivePort");
        // Of the start before.
        let _ = std::fs::remove_file(&port_file);
        let log_file = profile.path().join("browser.log");
        let log = File::create(&log_file).unwrap();
        let child = Command::new(&program)
            .args(["--headless", "--no-remote", "--marionette", "--profile"])
            .arg(profile.path())
            // Nothing of its user's own is read or written.
            .env("HOME", profile.path())
            .env("MOZ_CRASHREPORTER_DISABLE", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        let child = child.unwrap_or_else(|error| {
            panic!("{program} does not start: {error}. Install Firefox ESR (Debian: firefox-esr), or name a Firefox by SIGNALBOX_FIREFOX")
        });
        let mut process = Process(child);
        let port = port(&mut process.0, port_file, START).await.unwrap_or_else(|reason| {
            panic!("{program}: {reason}:\n{}", std::fs::read_to_string(log_file).unwrap_or_default())
        });
        Self { process, marionette: Marionette::connect(port).await }
    }

    pub async fn open(&mut self, url: &str) {
        self.marionette.call("WebDriver:Navigate", json!({"url": url})).await;
    }

    /// Runs the body of an async function in the page, and gives what it returns.
    pub async fn run(&mut self, body: &str, arguments: Value) -> Value {
        let script = format!("return (async () => {{ {body} }})()");
        let parameters = json!({"script": script, "args": arguments});
        self.marionette.call("WebDriver:ExecuteScript", parameters).await["value"].take()
    }

    /// Quits as a user would, so that everything is in the profile.
    pub async fn quit(mut self) {
        self.marionette.call("Marionette:Quit", json!({"flags": ["eForceQuit"]})).await;
        let deadline = Instant::now() + PATIENCE;
        while self.process.0.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the browser does not quit");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The port of the remote control, once the browser has written it down.
async fn port(child: &mut Child, file: PathBuf, patience: Duration) -> Result<u16, String> {
    let deadline = Instant::now() + patience;
    loop {
        // It may be there and not be written yet.
        if let Some(port) = std::fs::read_to_string(&file).ok().and_then(|port| port.trim().parse().ok()) {
            return Ok(port);
        }
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Err(format!("it ended, {status}"));
        }
        if Instant::now() > deadline {
            return Err("its remote control does not come up".to_owned());
        }
        sleep(Duration::from_millis(50)).await;
    }
}
