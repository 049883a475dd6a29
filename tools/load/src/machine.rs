use std::fs;

use serde::Serialize;

/// What the figures of a report were taken on.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) memory_kib: Option<u64>,
    pub(crate) kernel: String,
    /// The load averages when the run ended: whether it had the machine for itself.
    pub(crate) load_average: String,
}

impl Machine {
    pub(crate) fn here() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
        Self {
            cpu: value(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_kib: value(&read("/proc/meminfo"), "MemTotal")
                .and_then(|text| text.strip_suffix(" kB")?.parse().ok()),
            kernel: read("/proc/sys/kernel/osrelease"),
            load_average: read("/proc/loadavg"),
        }
    }
}

/// What stands behind a label and a colon.
fn value(text: &str, label: &str) -> Option<String> {
    let behind = |line: &str| Some(line.strip_prefix(label)?.trim().strip_prefix(':')?.trim().to_owned());
    text.lines().find_map(behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_labels() {
        let text = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nMemTotal:       16 kB\n";
        assert_eq!(value(text, "model name").unwrap(), "Some CPU @ 2 GHz");
        assert_eq!(value(text, "MemTotal").unwrap(), "16 kB");
        assert_eq!(value(text, "model"), None);
    }
}
