//! A fan-out on simulated services, small enough for every run of the tests. docs/PERFORMANCE.md has the large ones.

#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;
use std::time::Duration;

use signalbox_simulate::{Report, Setting, run};

fn simulate(setting: Setting) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(run(setting)).unwrap()
}

fn small() -> Setting {
    Setting {
        members: 1_500,
        workers: 4,
        rate: NonZeroU32::new(500).unwrap(),
        absent: 0.05,
        gone: 0.05,
        ended: 0.02,
        ..Setting::default()
    }
}

/// Nobody is lost, nothing is doubled, and the sender is told the truth.
fn assert_all_well(report: &Report) {
    let (outcome, job) = (report.outcome, &report.job);
    let lost = [outcome.lost, outcome.doubled, outcome.wronged, outcome.missed, outcome.left_over];
    assert_eq!(lost, [0; 5], "{report}");
    assert_eq!((job.state.as_str(), job.total), ("done", u64::from(report.setting.members)), "{report}");
    assert_eq!((job.failed, job.pending, job.missed, report.dead), (0, 0, 0, 0), "{report}");
    let ended = job.total - outcome.delivered - outcome.waiting;
    assert_eq!(job.refused, ended, "{report}");
    // A worker that dies behind its page's record leaves its dead members to the next job.
    let (dropped, killed) = (report.dropped as u64, report.counts.runs["fanout-page"].killed);
    assert!(dropped == ended || killed > 0 && dropped < ended, "{report}");
}

/// R40, R41: each terminal gets it once, and each is counted once.
#[test]
fn an_audience_is_reached_at_the_workers_rate() {
    let report = simulate(Setting { twice: 0.0, ..small() });
    assert_all_well(&report);
    let (outcome, job) = (report.outcome, &report.job);
    assert_eq!((job.posted, job.stored), (outcome.delivered, outcome.waiting), "{report}");
    assert_eq!(outcome.repeated, 0, "{report}");
    let times = report.times;
    assert!(times.end() < times.bound() * 1.5 + 5.0, "{report}");
    assert!(times.pages > times.by_workers * 0.9, "faster than it may be: {report}");
}

/// R42: pages that come twice, and workers that die in the middle of theirs.
#[test]
fn neither_deaths_nor_repetitions_lose_or_double_anybody() {
    let visibility = Duration::from_secs(90);
    let report = simulate(Setting { members: 3_000, twice: 0.3, killed: 0.3, visibility, ..small() });
    assert_all_well(&report);
    let workers = report.counts.runs["fanout-page"];
    assert!(workers.killed > 1 && workers.count > 12, "{report}");
    assert!(report.times.end() < 600.0, "{report}");
}

/// A figure of a page is of use where another run has it too.
#[test]
fn the_same_setting_comes_to_the_same_end() {
    let [first, second] = [(); 2].map(|()| simulate(Setting { members: 500, ..small() }));
    assert_eq!((first.times, first.outcome), (second.times, second.outcome));
    assert_eq!((&first.counts.calls, &first.counts.seconds), (&second.counts.calls, &second.counts.seconds));
    let other = simulate(Setting { members: 500, seed: 2, ..small() });
    assert_ne!(first.times, other.times);
}

/// R42: more than API Gateway and DynamoDB take is refused by them, and comes all the same.
#[test]
fn what_is_refused_comes_later() {
    let rate = NonZeroU32::new(2_000).unwrap();
    let report = simulate(Setting { quota: (800, 100), rate, ..small() });
    assert_all_well(&report);
    let refused = report.counts.seconds.iter().map(|second| second.refused_posts).sum::<u32>();
    assert!(refused > 100, "{report}");
}

/// R42: a table that serves less than a fan-out asks of it slows it down, and does not make it wait for its queue.
#[test]
fn a_table_that_is_asked_for_too_much_slows_it_down() {
    let report = simulate(Setting { warm_writes: 1_000, warm_reads: 3_000, ..small() });
    assert_all_well(&report);
    let throttles = report.counts.seconds.iter().map(|second| second.throttles).sum::<u32>();
    assert!(throttles > 100, "{report}");
    assert!(report.times.end() < 60.0, "{report}");
}
