use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::Notify;

tokio::task_local! {
    static SCOPE: Arc<Scope>;
}

/// How likely each misbehaviour befalls a call, from 0 to 1. By default nothing does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Habits {
    /// Too much is asked: no effect.
    pub throttled: f64,
    /// An internal error before the effect.
    pub fails_before: f64,
    /// An internal error after it.
    pub fails_after: f64,
    /// The connection to AWS breaks before the effect.
    pub breaks_before: f64,
    /// The connection to AWS breaks after it.
    pub breaks_after: f64,
    /// The answer never comes; the effect does, perhaps long after the caller has given up.
    pub hangs: f64,
    /// DynamoDB: a transaction holds the item.
    pub conflict: f64,
    /// DynamoDB: a part of a batch is left undone, and said so.
    pub unprocessed: f64,
    /// DynamoDB: a read that did not ask for consistency gets a state of up to two seconds ago.
    pub stale: f64,
    /// DynamoDB: a query's page ends after one to three items.
    pub short_page: f64,
    /// `@connections`: Gone, though the connection lives.
    pub false_gone: f64,
    /// A call takes up to a second and a half more on its way there or back.
    pub slow: f64,
    /// Every call takes up to so many milliseconds on its way there, and again back. Where it is 0 nothing waits.
    pub latency: u64,
}

/// A piece of work on the wires (a function's run): what it meets there, and whether it dies in the middle. All of it follows
/// from a seed of its own, so that it meets the same when other work beside it is left out.
pub struct Scope {
    /// Whose work it is, for whoever looks on behind the wires.
    pub tag: u64,
    pub(super) habits: Habits,
    dice: Mutex<Rng>,
    met: AtomicU32,
    /// Before or after so many calls the work dies; 0: never.
    dies_at: u32,
    steps: AtomicU32,
    died: Notify,
}

impl Scope {
    /// Work that meets these habits. It dies at its `dies_at`th step, of which each call has two, before and after its effect;
    /// 0 is never.
    #[must_use]
    pub fn new(tag: u64, habits: Habits, seed: u64, dies_at: u32) -> Arc<Self> {
        Arc::new(Self {
            tag,
            habits,
            dice: Mutex::new(Rng::with_seed(seed)),
            met: AtomicU32::new(0),
            dies_at,
            steps: AtomicU32::new(0),
            died: Notify::new(),
        })
    }

    /// The scope of the running task.
    #[must_use]
    pub fn current() -> Option<Arc<Self>> {
        SCOPE.try_with(Clone::clone).ok()
    }

    /// Runs the work to its end; nothing where it died before. What it was waiting for is dropped.
    pub async fn run<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> Option<T> {
        let work = Self::within(self.clone(), work);
        tokio::select! {
            biased;
            () = self.died.notified() => None,
            done = work => Some(done),
        }
    }

    /// Work of this scope that outlives its [`run`](Self::run).
    pub(super) fn within<T>(scope: Arc<Self>, work: impl Future<Output = T>) -> impl Future<Output = T> {
        SCOPE.scope(scope, work)
    }

    /// How many calls have not gone as asked. Where none has, nothing explains a failure.
    #[must_use]
    pub fn met(&self) -> u32 {
        self.met.load(Ordering::Relaxed)
    }

    /// Counts one more: of what a test's own wire does behind this one.
    pub fn meet(&self) {
        self.met.fetch_add(1, Ordering::Relaxed);
    }

    fn throw<T>(&self, throw: impl FnOnce(&mut Rng) -> T) -> T {
        throw(&mut self.dice.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether something of this probability happens now.
    pub(super) fn chance(&self, of: f64) -> bool {
        of > 0.0 && self.throw(|dice| dice.f64() < of)
    }

    /// A number below `end`.
    pub(super) fn below(&self, end: u64) -> u64 {
        self.throw(|dice| dice.u64(0..end.max(1)))
    }

    /// The way there, or back.
    pub(super) async fn wait(&self) {
        let mut millis = if self.habits.latency > 0 { 1 + self.below(self.habits.latency) } else { 0 };
        if self.chance(self.habits.slow) {
            self.meet();
            millis += self.below(1_500);
        }
        if millis > 0 {
            tokio::time::sleep(Duration::from_millis(millis)).await;
        }
    }

    /// Dies here, before or after the effect of a call, if it is to.
    pub(super) async fn step(&self) {
        if self.steps.fetch_add(1, Ordering::Relaxed) + 1 == self.dies_at {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }

    /// The SDK draws the pause before its next attempt from the thread's generator, in the very moment in which it takes this
    /// answer: seeded here, it is the same pause each time.
    pub(super) fn settle_jitter(&self) {
        fastrand::seed(self.throw(|dice| dice.u64(..)));
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("tag", &self.tag).finish_non_exhaustive()
    }
}
