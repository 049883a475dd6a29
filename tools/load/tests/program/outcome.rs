//! A run of the program, and what it has said.

use std::process::Command;

use serde_json::Value;

pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) report: Value,
    pub(crate) text: String,
}

/// Runs the program against the service there.
pub(crate) async fn run_against(url: &str, arguments: &str) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let mut program = Command::new(env!("CARGO_BIN_EXE_signalbox-load"));
    program.args(arguments.split_ascii_whitespace()).args(["--url", url, "--json", json.to_str().unwrap()]);
    // The service answers from this process meanwhile.
    let program = tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Outcome {
        code: program.status.code(),
        report: std::fs::read(json).map_or(Value::Null, |report| serde_json::from_slice(&report).unwrap()),
        text: text(&program.stdout) + &text(&program.stderr),
    }
}

impl Outcome {
    pub(crate) fn assert_passed(&self, scenario: &str) {
        assert_eq!(self.code, Some(0), "{}", self.text);
        assert_eq!((&self.report["scenario"], &self.report["passed"]), (&scenario.into(), &true.into()));
        assert!(self.text.contains(&format!("{scenario}: passed")), "{}", self.text);
        assert!(self.report["machine"]["cores"].as_u64().unwrap() > 0);
        for phase in self.report["phases"].as_array().unwrap() {
            assert!(phase["server"]["rss_kib"].as_u64().unwrap() > 0, "{phase}");
        }
    }

    pub(crate) fn assert_verdict(&self, expected: &[(&str, u64)]) {
        for &(count, number) in expected {
            assert_eq!(self.report["verdict"][count], number, "{count}: {}", self.report);
        }
    }

    pub(crate) fn assert_latencies(&self, of: &str, count: u64) {
        let times = &self.report["latencies_us"][of];
        assert_eq!(times["count"], count, "{of}: {}", self.report);
        assert!(times["p50"].as_u64() > Some(0) && times["p50"].as_u64() <= times["p99"].as_u64(), "{times}");
    }
}
