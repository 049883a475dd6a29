use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

/// Between two looks at a count.
const LOOK: Duration = Duration::from_millis(250);

/// How far a part of a scenario is, where somebody looks: on a terminal, and nowhere else. It is wiped out at its end.
pub(crate) struct Progress(ProgressBar);

/// The same, of a count that is looked at now and then.
pub(crate) struct Watched(Option<JoinHandle<()>>);

impl Progress {
    /// Of so many things.
    pub(crate) fn new(what: &'static str, of: u64) -> Self {
        // Draws nothing where standard error is no terminal.
        let bar = ProgressBar::with_draw_target(Some(of), ProgressDrawTarget::stderr());
        let template = "{msg} {wide_bar} {pos}/{len} {per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what);
        Self(bar)
    }

    /// One more is done.
    pub(crate) fn add(&self) {
        self.0.inc(1);
    }

    /// So many are done, as this counts them from now on; counted where it is seen alone.
    pub(crate) fn watch(what: &'static str, of: u64, count: impl Fn() -> u64 + Send + 'static) -> Watched {
        let progress = Self::new(what, of);
        if progress.0.is_hidden() {
            return Watched(None);
        }
        Watched(Some(tokio::spawn(async move {
            loop {
                progress.0.set_position(count());
                tokio::time::sleep(LOOK).await;
            }
        })))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}
