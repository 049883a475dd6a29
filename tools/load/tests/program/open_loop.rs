//! `--rate`: what is due when, what is late, and what is missed. No test depends on how fast this machine is: it may be later
//! than it should and never earlier.

use std::time::Duration;

use serde_json::Value;

use crate::faulty::{Fault, Faulty};
use crate::outcome::{Outcome, run_against};
use crate::scenarios;

impl Outcome {
    fn open_loop(&self, count: &str) -> u64 {
        self.report["open_loop"][count].as_u64().unwrap_or_else(|| panic!("{count}: {}", self.report))
    }

    fn microseconds(&self, of: &str, quantile: &str) -> u64 {
        self.report["latencies_us"][of][quantile].as_u64().unwrap_or_else(|| panic!("{of}: {}", self.report))
    }
}

async fn run(fault: Fault, arguments: &str) -> Outcome {
    let service = Faulty::start(fault).await;
    run_against(&service.url(), arguments).await
}

/// Against the real host.
#[tokio::test(flavor = "multi_thread")]
async fn each_scenario_that_posts_has_one() {
    for (scenario, arguments, times) in [
        (
            "push",
            "--terminals 20 --messages 60",
            ["due to begin", "due to answer", "due to frame"].as_slice(),
        ),
        ("absent", "--terminals 20 --messages 60", &["due to begin", "due to answer"]),
        ("first", "--terminals 60", &["due to begin", "due to first notification", "post to frame"]),
        ("latency", "--messages 60", &["due to begin", "due to answer", "due to frame"]),
    ] {
        let outcome = scenarios::run(&format!("{scenario} {arguments} --rate 100 --vapid")).await;
        outcome.assert_passed(scenario);
        outcome.assert_verdict(&[("accepted", 60), ("arrived", 60)]);
        for of in times {
            assert_eq!(outcome.report["latencies_us"][of]["count"], 60, "{of}: {}", outcome.report);
        }
        assert_eq!(
            (outcome.open_loop("due"), outcome.open_loop("begun"), outcome.open_loop("missed")),
            (60, 60, 0)
        );
        assert!(outcome.text.contains("open loop: 100/s asked"), "{}", outcome.text);
        // The last is due 590 ms after the first.
        let lasted: f64 = outcome.report["phases"]
            .as_array()
            .unwrap()
            .iter()
            .map(|phase| phase["seconds"].as_f64().unwrap())
            .sum();
        assert!(lasted >= 0.59, "{scenario}: {}", outcome.report);
        assert!(
            outcome.report["open_loop"]["begun_per_second"].as_f64().unwrap() <= 100.0,
            "{}",
            outcome.report
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_loop_says_nothing_of_it() {
    let outcome = run(Fault::None, "latency --messages 5").await;
    assert_eq!(outcome.report["open_loop"], Value::Null);
    assert!(!outcome.text.contains("open loop"), "{}", outcome.text);
}

/// Each answer takes as long as thirty moments, and nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn posts_do_not_wait_for_answers() {
    let slow = Fault::Slow(Duration::from_millis(300));
    let outcome = run(slow, "push --terminals 60 --messages 60 --rate 100 --in-flight 60").await;
    outcome.assert_verdict(&[("accepted", 60), ("lost", 0)]);
    assert_eq!(
        (outcome.open_loop("begun"), outcome.open_loop("missed"), outcome.open_loop("bound")),
        (60, 0, 60)
    );
    assert!(outcome.open_loop("most_under_way") >= 10, "{}", outcome.report);
    assert!(outcome.microseconds("due to answer", "min") >= 299_000, "{}", outcome.report);
}

/// One answer takes a second, and there is room for one post. All that came due meanwhile has waited, and its times say so:
/// a closed loop would have one slow answer among two hundred.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_stall_keeps_waiting_is_in_the_times() {
    let stall = Fault::Stall(Duration::from_secs(1));
    let outcome = run(stall, "push --terminals 5 --messages 200 --rate 200 --in-flight 1").await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.text);
    outcome.assert_verdict(&[("accepted", 200), ("arrived", 200), ("out_of_order", 0)]);
    assert_eq!((outcome.open_loop("begun"), outcome.open_loop("missed")), (200, 0));
    // Due from 50 ms on, and begun after 1,045 ms.
    assert!(outcome.open_loop("late") >= 180, "{}", outcome.report);
    for of in ["due to begin", "due to answer"] {
        assert!(outcome.microseconds(of, "p50") >= 400_000, "{}", outcome.report);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_room_is_counted_and_said() {
    let slow = Fault::Slow(Duration::from_millis(400));
    let outcome = run(slow, "push --terminals 5 --rate 100 --in-flight 2 --at-most 1").await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.text);
    let [due, begun, missed] = ["due", "begun", "missed"].map(|count| outcome.open_loop(count));
    assert_eq!((due, begun + missed), (100, 100), "{}", outcome.report);
    // Two at a time, three times within the second.
    assert!((1..=6).contains(&begun), "{}", outcome.report);
    assert_eq!(outcome.open_loop("most_under_way"), 2);
    outcome.assert_verdict(&[("posted", begun), ("lost", 0)]);
    assert!(outcome.text.contains(&format!("{missed} missed")), "{}", outcome.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_rate_is_refused() {
    for wrong in ["push --rate 0", "push --rate often", "latency --rate 5 --pause 5", "idle --rate 5"] {
        let outcome = run(Fault::None, wrong).await;
        assert_eq!(outcome.code, Some(2), "{wrong}: {}", outcome.text);
        assert!(outcome.text.contains("--rate"), "{wrong}: {}", outcome.text);
    }
}
