use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::Broken;
use crate::dynamo::Dynamo;
use crate::functions::{Factory, Woken};
use crate::queue::{Queue, Queues, Rules};
use crate::report::{Job, Report, Times};
use crate::sender::Sender;
use crate::setting::Setting;
use crate::source::Source;
use crate::world::World;

/// As the template says, of both queues.
const RECEPTIONS: u32 = 5;
const DRAINS_HIDDEN: Duration = Duration::from_secs(180);
const DRAINERS: u32 = 10;
/// A job that takes longer than this is given up.
const LONGEST: Duration = Duration::from_secs(4 * 3_600);

/// Runs a fan-out from the sender's request until the last page is done and the last acknowledgement taken. On a runtime of
/// one thread, whose clock is paused.
///
/// # Errors
/// [`Broken`].
pub async fn run(setting: Setting) -> Result<Report, Broken> {
    // By it the clients spread their repetitions.
    fastrand::seed(setting.seed);
    let world = Arc::new(World::new(setting.clone()));
    let dynamo = Dynamo::new(world.clone());
    let rules = Rules {
        seed: setting.seed ^ 0xc,
        visibility: setting.visibility,
        receptions: RECEPTIONS,
        twice: setting.twice,
    };
    let pages = Queue::new("pages", rules, world.meter.clone());
    let drains = Rules { seed: setting.seed ^ 0xd, visibility: DRAINS_HIDDEN, ..rules };
    let drains = Queue::new("drains", drains, world.meter.clone());
    let factory = Factory::new(&world, dynamo.clone(), Queues(vec![pages.clone(), drains.clone()]));
    let source = |queue: &Queue, woken, instances| {
        let (world, factory, queue) = (world.clone(), factory.clone(), queue.clone());
        Source { world, factory, queue, woken, instances }.begin()
    };

    let (sender, fanout) = (Sender::new()?, factory.fanout().await?);
    world.meter.run("fanout", |runs| (runs.count, runs.starts) = (1, 1));
    let asked = sender.notify(&fanout, factory.now(), setting.ttl, setting.body).await?;
    let accepted = world.meter.elapsed();
    world.meter.run("fanout", |runs| runs.time = accepted);
    let name = asked["job"].as_str().ok_or(Broken("an answer without a job"))?;
    let mut workers = source(&pages, Woken::Page, setting.workers);
    workers.extend(source(&drains, Woken::Drain, DRAINERS));

    while !(pages.is_empty() && drains.is_empty() && world.is_idle()) {
        sleep(Duration::from_secs(1)).await;
        if workers.iter().any(tokio::task::JoinHandle::is_finished) {
            return Err(Broken("an instance did not start"));
        }
        if world.meter.elapsed() > LONGEST {
            return Err(Broken("the job does not end"));
        }
    }
    workers.iter().for_each(tokio::task::JoinHandle::abort);
    let told = sender.progress(&fanout, factory.now(), name).await?;
    let job: Job = serde_json::from_value(told).map_err(|_| Broken("a progress that cannot be read"))?;
    let counts = std::mem::take(&mut *world.meter.counts());
    let outcome = world.ledger().outcome(&world.population);
    let times = Times::of(&setting, &world.population, accepted, &counts);
    let dead = pages.dead() + drains.dead();
    Ok(Report::new(
        setting,
        times,
        job,
        outcome,
        (dynamo.pages_done(), dynamo.members_dropped(), dead),
        counts,
    ))
}
