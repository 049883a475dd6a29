use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::oneshot;

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>;

/// AWS's API in boto3's words, through a process of Python: none of the SDK's crates for it is otherwise needed. Many calls may
/// be under way at once.
pub(crate) struct Aws {
    /// Ends with the test.
    _process: Child,
    input: tokio::sync::Mutex<ChildStdin>,
    waiting: Waiting,
    calls: AtomicU64,
}

/// What the API said instead of an answer.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Aws {
    /// As the environment says.
    pub(crate) fn start() -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/deployed/aws.py");
        let mut process = Command::new(python())
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Python starts");
        let input = tokio::sync::Mutex::new(process.stdin.take().expect("stdin is piped"));
        let lines = BufReader::new(process.stdout.take().expect("stdout is piped")).lines();
        let waiting = Waiting::default();
        tokio::spawn(hand_out(lines, waiting.clone()));
        Self { _process: process, input, waiting, calls: AtomicU64::new(0) }
    }

    pub(crate) async fn try_call(
        &self,
        service: &str,
        operation: &str,
        arguments: Value,
    ) -> Result<Value, ApiError> {
        let id = self.calls.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        let request = json!({"id": id, "service": service, "operation": operation, "arguments": arguments});
        self.input.lock().await.write_all(format!("{request}\n").as_bytes()).await.expect("Python reads");
        let mut said = receiver.await.expect("Python answers");
        match said["error"].as_str() {
            None => Ok(said["answer"].take()),
            Some(code) => Err(ApiError {
                code: code.to_owned(),
                message: said["message"].as_str().unwrap_or_default().to_owned(),
            }),
        }
    }

    pub(crate) async fn call(&self, service: &str, operation: &str, arguments: Value) -> Value {
        match self.try_call(service, operation, arguments).await {
            Ok(answer) => answer,
            Err(error) => panic!("{service} {operation}: {} {}", error.code, error.message),
        }
    }
}

async fn hand_out(mut lines: Lines<BufReader<ChildStdout>>, waiting: Waiting) {
    while let Some(line) = lines.next_line().await.expect("Python writes") {
        let said: Value = serde_json::from_str(&line).expect("JSON");
        let asked = waiting.lock().unwrap().remove(&said["id"].as_u64().expect("an id"));
        // A test that has failed meanwhile waits no longer.
        let _ = asked.expect("it was asked").send(said);
    }
    // Whoever still waits is told by this that nothing comes.
    waiting.lock().unwrap().clear();
}

/// A Python that has boto3.
pub(crate) fn python() -> String {
    std::env::var("SIGNALBOX_PYTHON")
        .expect("SIGNALBOX_PYTHON names a Python with boto3, see infra/emulator/test")
}
