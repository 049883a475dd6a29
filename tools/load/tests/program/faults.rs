//! Each fault of a service is found and named, and none where there is none.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::faulty::{Fault, Faulty};
use crate::outcome::{Outcome, run_against};

/// How many services and programs run at a time: they mostly wait.
const AT_A_TIME: usize = 8;

/// Where something is lost, `--patience` says how long it is waited for; elsewhere it costs no time, and forgives a slow machine.
const PUSH: &str = "push --terminals 3 --sessions 2 --messages 60 --in-flight 2";
const ABSENT: &str = "absent --terminals 3 --sessions 2 --messages 60 --in-flight 2";

async fn run(fault: Fault, arguments: &str) -> Outcome {
    let service = Faulty::start(fault).await;
    run_against(&service.url(), arguments).await
}

/// Runs each, and collects those that ended otherwise, to be shown together.
async fn assert_faults(table: &[(Fault, &str, &str, Value)]) {
    let outcomes = stream::iter(table).map(|(fault, scenario, more, expected)| async move {
        let outcome = run(*fault, &format!("{scenario} {more}")).await;
        let expected_code = i32::from(expected != &json!({}));
        let named = expected
            .as_object()
            .unwrap()
            .iter()
            .all(|(name, count)| outcome.text.contains(&format!("{count} {}", name.replace('_', " "))));
        let ends_well = outcome.code == Some(expected_code) && named;
        let as_expected = ends_well && outcome.report["faults"] == *expected;
        (!as_expected).then(|| format!("{fault:?}, {scenario} {more}: not {expected} but\n{}", outcome.text))
    });
    let wrong: Vec<_> = outcomes.buffer_unordered(AT_A_TIME).filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_service_has_none() {
    let none = json!({});
    assert_faults(&[
        (Fault::None, PUSH, "--once", none.clone()),
        (Fault::None, PUSH, "--once --ttl 0", none.clone()),
        (Fault::None, PUSH, "--once --rate 300", none.clone()),
        (Fault::None, ABSENT, "--once", none.clone()),
        (Fault::None, ABSENT, "--once --rate 300", none.clone()),
        (Fault::None, ABSENT, "--once --topics 2", none.clone()),
        (Fault::None, ABSENT, "--once --ttl 0", none.clone()),
        (Fault::None, "idle --connections 5 --hold 1", "", none.clone()),
        (Fault::None, "first --terminals 20", "--once", none.clone()),
        (Fault::None, "first --terminals 20", "--once --rate 200", none.clone()),
        (Fault::None, "latency --messages 20", "--once", none.clone()),
        (Fault::None, "latency --messages 20", "--once --rate 200", none.clone()),
        (Fault::Slow(Duration::from_millis(20)), PUSH, "--once", none),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_of_a_message_is_found() {
    assert_faults(&[
        (Fault::Lose, PUSH, "--patience 1", json!({"lost": 1})),
        (Fault::Lose, PUSH, "--rate 300 --patience 1", json!({"lost": 1})),
        (Fault::Lose, ABSENT, "--patience 1", json!({"lost": 1})),
        (Fault::Lose, "first --terminals 20", "--patience 1", json!({"lost": 1})),
        (Fault::Lose, "latency --messages 20", "--patience 1", json!({"lost": 1})),
        // At-least-once is what services promise; whoever wants more says it.
        (Fault::Twice, PUSH, "", json!({})),
        (Fault::Twice, PUSH, "--once", json!({"repeated": 1})),
        (Fault::Twice, ABSENT, "--once", json!({"repeated": 1})),
        (Fault::TwoVersions, PUSH, "", json!({"doubled": 1})),
        (Fault::TwoVersions, PUSH, "--ttl 0 --rate 300", json!({"doubled": 1})),
        (Fault::VersionOfAnother, PUSH, "", json!({"shared_versions": 1})),
        (Fault::OutOfOrder, PUSH, "", json!({"out_of_order": 1})),
        (Fault::OutOfOrder, PUSH, "--rate 300", json!({"out_of_order": 1})),
        (Fault::OutOfOrder, ABSENT, "", json!({"out_of_order": 1})),
        (Fault::Mangle, PUSH, "", json!({"damaged": 1})),
        (Fault::MangleWholly, PUSH, "--patience 1", json!({"foreign": 1, "lost": 1})),
        (Fault::KeepOlderOfTopic, ABSENT, "--topics 1 --patience 1", json!({"lost": 6})),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_accepted_or_is_anothers_is_found() {
    assert_faults(&[
        (Fault::Invent, PUSH, "", json!({"unwanted": 1})),
        (Fault::InventBody, PUSH, "", json!({"foreign": 1})),
        (Fault::RefuseAndDeliver(429), PUSH, "", json!({"refused": 1, "unwanted": 1})),
        (Fault::RefuseAndDeliver(429), PUSH, "--allow-refusals", json!({"unwanted": 1})),
        // It may have been taken before it went wrong.
        (Fault::RefuseAndDeliver(503), PUSH, "--allow-refusals", json!({})),
        (Fault::KeepTtl0, ABSENT, "--ttl 0", json!({"unwanted": 1})),
        (Fault::WrongTerminal, PUSH, "--patience 1", json!({"misrouted": 1, "lost": 1})),
        (Fault::WrongChannel, PUSH, "--patience 1", json!({"misrouted": 1, "lost": 1})),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_answer_well_is_found() {
    assert_faults(&[
        (Fault::Refuse(429), PUSH, "", json!({"refused": 12})),
        (Fault::Refuse(429), PUSH, "--allow-refusals", json!({})),
        (Fault::Refuse(503), PUSH, "", json!({"unclear": 12})),
        (Fault::Refuse(503), PUSH, "--rate 300", json!({"unclear": 12})),
        (Fault::Refuse(503), PUSH, "--allow-refusals", json!({})),
        (Fault::LeaveUnanswered, PUSH, "--answer-within 2", json!({"unclear": 1})),
        (Fault::Forget, ABSENT, "--patience 1", json!({"forgotten": 3, "lost": 60})),
        (Fault::HangUp, "idle --connections 5 --hold 1", "", json!({"connections_ended": 1})),
    ])
    .await;
}

/// The tenth recipient is struck: one that is there, or one of those that are away and come again.
const FANOUT: &str = "fanout --terminals 12 --absent 6 --check-absent 4 --rounds 2";
const FANOUT_TO_ABSENT: &str = "fanout --terminals 6 --absent 6 --check-absent 4 --rounds 2";

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_fan_out_has_no_fault() {
    let none = json!({});
    assert_faults(&[
        (Fault::None, FANOUT, "--once", none.clone()),
        (Fault::None, FANOUT, "--once --acks every", none.clone()),
        (Fault::None, FANOUT, "--once --lists", none.clone()),
        (Fault::None, FANOUT, "--once --ttl 0", none.clone()),
        (Fault::None, FANOUT, "--once --ttl 0 --lists", none.clone()),
        (Fault::None, "storm --terminals 20", "--once", none.clone()),
        (
            Fault::None,
            "soak --terminals 5 --hold 2 --rate 20 --fan-out-every 1 --reconnects 2",
            "--sample-every 1",
            none,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_fan_out_does_not_deliver_as_it_should_is_found() {
    assert_faults(&[
        (Fault::Lose, FANOUT, "--patience 1", json!({"lost": 1})),
        (Fault::Lose, FANOUT, "--patience 1 --lists", json!({"lost": 1})),
        // The job says that it was posted.
        (Fault::Lose, FANOUT, "--ttl 0", json!({"miscounted": 1})),
        (Fault::Lose, FANOUT_TO_ABSENT, "--patience 1", json!({"lost": 1})),
        (Fault::Twice, FANOUT, "", json!({})),
        (Fault::Twice, FANOUT, "--once", json!({"repeated": 1})),
        (Fault::TwoVersions, FANOUT, "", json!({"doubled": 1})),
        (Fault::TwoVersions, FANOUT, "--ttl 0", json!({"doubled": 1})),
        (Fault::TwoVersions, FANOUT_TO_ABSENT, "", json!({"doubled": 1})),
        (Fault::Mangle, FANOUT, "", json!({"damaged": 1})),
        (Fault::MangleWholly, FANOUT, "--patience 1", json!({"foreign": 1, "lost": 1})),
        (Fault::Invent, FANOUT, "", json!({"unwanted": 1})),
        (Fault::WrongTerminal, FANOUT, "--patience 1", json!({"misrouted": 1, "lost": 1})),
        (Fault::KeepTtl0, FANOUT_TO_ABSENT, "--ttl 0", json!({"unwanted": 1})),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_job_says_wrong_of_itself_is_found() {
    assert_faults(&[
        (Fault::Miscount, FANOUT, "", json!({"miscounted": 1})),
        (Fault::Miscount, FANOUT, "--lists", json!({"miscounted": 1})),
        (Fault::CountTwice, FANOUT, "", json!({"miscounted": 1})),
        (Fault::NeverEnd, FANOUT, "--patience 1", json!({"unended_jobs": 1})),
        (Fault::RefuseRecipient, FANOUT, "--ttl 0", json!({"refused_recipients": 1})),
        (Fault::RefuseRecipient, FANOUT, "--patience 1", json!({"refused_recipients": 1, "lost": 1})),
        (Fault::GiveUp, FANOUT, "--ttl 0", json!({"failed_recipients": 1})),
        // Of the last of those that are away, and whom nobody asks.
        (Fault::LeaveOut, FANOUT, "", json!({"left_out_members": 1, "miscounted": 2})),
        (Fault::RefuseFanOut(429), FANOUT, "", json!({"refused": 16})),
        (Fault::RefuseFanOut(503), FANOUT, "", json!({"unclear": 16})),
        (Fault::RefuseFanOut(503), FANOUT, "--allow-refusals", json!({})),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_in_a_storm_or_a_long_run_is_found() {
    let soak = "soak --terminals 5 --hold 2 --rate 20 --fan-out-every 1 --reconnects 0.01 --sample-every 1";
    assert_faults(&[
        // The first hello is of the one that looks where endpoints are.
        (Fault::NoHello(3), "storm --terminals 5", "--answer-within 1", json!({"unconfigured": 1})),
        (Fault::NoHello(8), "storm --terminals 5", "--answer-within 1", json!({"unconfigured": 1})),
        (Fault::Lose, "storm --terminals 20", "--patience 1", json!({"lost": 1})),
        (Fault::Forget, "storm --terminals 1", "--patience 1", json!({"forgotten": 2, "lost": 1})),
        (Fault::Lose, soak, "--patience 1", json!({"lost": 1})),
        (Fault::TwoVersions, soak, "", json!({"doubled": 1})),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_counted_by_status() {
    let outcome = run(Fault::Refuse(503), PUSH).await;
    assert_eq!(outcome.report["answers"], json!({"201": 48, "503": 12}));
}

/// The first is the one that looks where endpoints are, the third is a terminal of the run, and with the fifth one comes again.
#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_is_not_answered_ends_the_run() {
    for hello in [1, 3, 5] {
        let outcome = run(Fault::NoHello(hello), &format!("{ABSENT} --answer-within 2")).await;
        assert_eq!(outcome.code, Some(2), "{hello}: {}", outcome.text);
        let failure = outcome.report["failure"].as_str().unwrap();
        assert!(failure.contains("did not answer a hello within 2 s"), "{hello}: {failure}");
        assert!(outcome.text.contains(failure), "{hello}: {}", outcome.text);
        assert_eq!(outcome.report["passed"], json!(false));
    }
}
