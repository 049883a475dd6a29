//! Lambda's event source: takes messages out of a queue and runs a function on each, on as many instances as there may be.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::Broken;
use crate::dice::{Latency, derive};
use crate::functions::{Factory, Instance, Woken};
use crate::queue::{Queue, Received};
use crate::world::World;

/// It begins with five instances, and adds up to 300 in a minute.
const AT_FIRST: u32 = 5;
const ONE_MORE: Duration = Duration::from_millis(200);
/// The start of an instance, its process and its first connections.
const START: Latency = Latency { usual: (90.0, 130.0), tail: (0.02, 400.0) };
/// Between the queue and the function.
const INVOKE: Latency = Latency { usual: (3.0, 10.0), tail: (0.01, 60.0) };

/// A queue, the function that it wakes, and on how many instances.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) world: Arc<World>,
    pub(crate) factory: Factory,
    pub(crate) queue: Queue,
    pub(crate) woken: Woken,
    pub(crate) instances: u32,
}

enum Ended {
    Done,
    Failed,
    Killed,
}

impl Source {
    /// Begins to take messages.
    pub(crate) fn begin(&self) -> Vec<JoinHandle<Result<(), Broken>>> {
        (0..self.instances).map(|slot| tokio::spawn(self.clone().work(slot))).collect()
    }

    async fn work(self, slot: u32) -> Result<(), Broken> {
        sleep(ONE_MORE * (slot + 1).saturating_sub(AT_FIRST)).await;
        let mut dice = Rng::with_seed(derive(self.world.setting.seed ^ 0xa, u64::from(slot)));
        let mut instance = None;
        loop {
            let message = self.queue.receive().await;
            sleep(self.queue.latency() + INVOKE.draw(&mut dice)).await;
            match self.run(&mut instance, &message, &mut dice).await? {
                Ended::Done => {
                    sleep(self.queue.latency()).await;
                    self.queue.delete(message.id);
                }
                // It comes again when the queue shows it again.
                Ended::Failed | Ended::Killed => {}
            }
        }
    }

    async fn run(
        &self,
        instance: &mut Option<Instance>,
        message: &Received,
        dice: &mut Rng,
    ) -> Result<Ended, Broken> {
        let (meter, name) = (&self.world.meter, self.woken.name());
        let began = meter.elapsed();
        if self.woken == Woken::Page {
            meter.running(true);
        }
        let running = if let Some(running) = instance.take() {
            running
        } else {
            meter.run(name, |runs| runs.starts += 1);
            sleep(START.draw(dice)).await;
            self.factory.start(self.woken).await?
        };
        let ended = self.handle(&running, message).await;
        let took = meter.elapsed().saturating_sub(began);
        meter.run(name, |runs| {
            runs.count += 1;
            runs.time += took;
            runs.killed += u64::from(matches!(ended, Ended::Killed));
            runs.failed += u64::from(matches!(ended, Ended::Failed));
        });
        if self.woken == Woken::Page {
            meter.running(false);
        }
        *instance = (!matches!(ended, Ended::Killed)).then_some(running);
        Ok(ended)
    }

    async fn handle(&self, instance: &Instance, message: &Received) -> Ended {
        let timeout = self.woken.timeout();
        let deadline = self.factory.now() + u64::try_from(timeout.as_millis()).unwrap_or_default();
        tokio::select! {
            done = instance.handle(message, deadline) => if done { Ended::Done } else { Ended::Failed },
            () = sleep(self.death(message).unwrap_or(timeout)) => Ended::Killed,
        }
    }

    /// When a run of this message dies, if it does: somewhere in the time that a page takes.
    fn death(&self, message: &Received) -> Option<Duration> {
        let setting = &self.world.setting;
        let mut dice =
            Rng::with_seed(derive(setting.seed ^ 0xb, message.id << 8 | u64::from(message.receptions)));
        let dies = self.woken == Woken::Page && dice.f64() < setting.killed;
        let page = 0.1 + 200.0 / f64::from(setting.rate.get());
        dies.then(|| Duration::from_secs_f64(page * dice.f64()))
    }
}
