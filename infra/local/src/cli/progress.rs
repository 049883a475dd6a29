use std::io::Write as _;

use indicatif::{ProgressBar, ProgressStyle};
use signalbox_wire::JobProgress;

const BAR: &str = "{bar:40} {pos}/{len} {msg}";

/// How far a job is, for who looks: a bar on a terminal, else a line whenever something has changed. On standard error, so
/// that what is known in the end is alone on standard output.
pub(super) enum Shown {
    Bar(ProgressBar),
    Lines { last: String },
}

impl Shown {
    pub(super) fn new(on_a_terminal: bool) -> Self {
        if !on_a_terminal {
            return Self::Lines { last: String::new() };
        }
        let bar = ProgressBar::new(0);
        // The template is right, as a test says.
        Self::Bar(match ProgressStyle::with_template(BAR) {
            Ok(style) => bar.with_style(style),
            Err(_) => bar,
        })
    }

    pub(super) fn show(&mut self, progress: &JobProgress) -> std::io::Result<()> {
        match self {
            Self::Bar(bar) => {
                bar.set_length(progress.total);
                bar.set_position(progress.total - progress.pending);
                bar.set_message(counts(progress));
            }
            Self::Lines { last } => {
                let (done, total) = (progress.total - progress.pending, progress.total);
                let line = format!("{done} of {total}: {}", counts(progress));
                if line != *last {
                    writeln!(std::io::stderr(), "{line}")?;
                    *last = line;
                }
            }
        }
        Ok(())
    }

    /// What was shown stays, in a line of its own.
    pub(super) fn end(&self) -> std::io::Result<()> {
        let Self::Bar(bar) = self else { return Ok(()) };
        bar.abandon();
        writeln!(std::io::stderr())
    }
}

/// Those that are not none.
fn counts(progress: &JobProgress) -> String {
    let all = [
        (progress.posted, "posted"),
        (progress.stored, "stored"),
        (progress.missed, "missed"),
        (progress.refused, "refused"),
        (progress.failed, "failed"),
    ];
    let some = all.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("{count} {name}"));
    some.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use signalbox_wire::JobState;

    use super::*;

    #[test]
    fn the_bar_has_its_style() {
        assert!(ProgressStyle::with_template(BAR).is_ok());
    }

    #[test]
    fn counts_of_none_are_left_out() {
        let progress = JobProgress {
            job: String::new(),
            state: JobState::Running,
            total: 10,
            posted: 3,
            stored: 0,
            missed: 0,
            refused: 2,
            failed: 0,
            pending: 5,
            dead: Vec::new(),
            refusals: Vec::new(),
            next: None,
        };
        assert_eq!(counts(&progress), "3 posted, 2 refused");
    }
}
