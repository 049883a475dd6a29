//! Against the real host: each scenario, small, and its report.

use serde_json::Value;
use signalbox::host::{Data, Host, HostOptions, Tls};
use signalbox_domain::{AuthorizationPolicy, BodyLimit};

use crate::outcome::{Outcome, run_against};

async fn host() -> Host {
    let options = HostOptions {
        listen: "127.0.0.1:0".parse().unwrap(),
        public_url: None,
        earlier_origins: Vec::new(),
        data: Data::Memory,
        tls: Tls::Off,
        authorization: AuthorizationPolicy::default(),
        body_limit: BodyLimit::default(),
        admin_listen: None,
        keep_alive: false,
        enrolment: false,
    };
    Host::start(options).await.unwrap()
}

/// Runs the program against a host of its own, whose process this is.
pub(crate) async fn run(arguments: &str) -> Outcome {
    let host = host().await;
    let pid = std::process::id().to_string();
    let outcome = run_against(&host.websocket_url(), &format!("{arguments} --pid {pid}")).await;
    host.stop().await;
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn push_in_all_manners() {
    for manner in ["--acks every --ttl 60", "--acks 7 --ttl 60 --vapid", "--acks never --ttl 60 --sessions 2"]
    {
        let outcome = run(&format!("push --terminals 20 --messages 200 {manner}")).await;
        outcome.assert_passed("push");
        outcome.assert_verdict(&[("posted", 200), ("accepted", 200), ("arrived", 200), ("lost", 0)]);
        outcome.assert_latencies("post to answer", 200);
        outcome.assert_latencies("post to frame", 200);
        assert_eq!(outcome.report["answers"]["201"], 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn push_with_ttl_0_reaches_who_is_there() {
    let outcome = run("push --terminals 20 --messages 200 --ttl 0").await;
    outcome.assert_passed("push");
    outcome.assert_verdict(&[("accepted", 200), ("arrived", 200), ("doubled", 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_terminals_get_everything_when_they_come_again() {
    let outcome = run("absent --terminals 20 --messages 200").await;
    outcome.assert_passed("absent");
    outcome.assert_verdict(&[("accepted", 200), ("arrived", 200), ("out_of_order", 0), ("forgotten", 0)]);
    outcome.assert_latencies("post to answer", 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn absent_terminals_get_the_last_of_each_topic_and_nothing_with_ttl_0() {
    let topics = run("absent --terminals 20 --messages 200 --topics 2").await;
    topics.assert_passed("absent");
    topics.assert_verdict(&[("accepted", 200), ("arrived", 40), ("not_delivered", 160)]);
    let never = run("absent --terminals 20 --messages 200 --ttl 0").await;
    never.assert_passed("absent");
    never.assert_verdict(&[("accepted", 200), ("arrived", 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_held() {
    let outcome = run("idle --connections 20 --hold 1").await;
    outcome.assert_passed("idle");
    assert!(outcome.report["memory"]["rss_kib_held"].as_u64().unwrap() > 0);
    assert_eq!(outcome.report["surroundings"]["connections_ended"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn first_notifications_of_new_terminals() {
    let outcome = run("first --terminals 20 --vapid").await;
    outcome.assert_passed("first");
    outcome.assert_verdict(&[("accepted", 20), ("arrived", 20)]);
    for step in ["connect", "hello", "register", "post to frame", "connect to first notification"] {
        outcome.assert_latencies(step, 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn latency_of_one_message_at_a_time() {
    let outcome = run("latency --messages 50 --pause 0").await;
    outcome.assert_passed("latency");
    outcome.assert_verdict(&[("accepted", 50), ("arrived", 50)]);
    outcome.assert_latencies("post to frame", 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fan_out_reaches_who_is_there_and_who_comes_again() {
    for (naming, absent_get) in
        [("--ttl 60", 8), ("--ttl 60 --lists", 8), ("--ttl 0", 0), ("--ttl 0 --lists", 0)]
    {
        let outcome =
            run(&format!("fanout --terminals 20 --absent 6 --check-absent 4 --rounds 2 {naming}")).await;
        outcome.assert_passed("fanout");
        outcome.assert_verdict(&[
            ("posted", 48),
            ("accepted", 48),
            ("arrived", 40 + absent_get),
            ("doubled", 0),
        ]);
        outcome.assert_latencies("fan-out to answer", 2);
        outcome.assert_latencies("fan-out to last frame", 2);
        outcome.assert_latencies("fan-out to frame", 40);
        let fan_outs = &outcome.report["fan_outs"];
        assert_eq!(fan_outs["rounds"], 2, "{fan_outs}");
        assert_eq!(
            (&fan_outs["recipients"], &fan_outs["deliveries"]),
            (&26.into(), &40.into()),
            "{fan_outs}"
        );
        assert_eq!(outcome.report["answers"]["202"], 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_terminals_come_at_once() {
    let outcome = run("storm --terminals 20").await;
    outcome.assert_passed("storm");
    outcome.assert_verdict(&[("arrived", 20), ("forgotten", 0)]);
    outcome.assert_latencies("storm of new ones to configured", 20);
    outcome.assert_latencies("storm of known ones to configured", 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_has_samples_and_nothing_is_lost() {
    let outcome =
        run("soak --terminals 10 --hold 4 --rate 20 --fan-out-every 1 --reconnects 2 --sample-every 1").await;
    outcome.assert_passed("soak");
    let count = |count: &str| outcome.report["verdict"][count].as_u64().unwrap();
    // Eighty single messages are due, and at least one fan-out of ten.
    assert!(count("arrived") == count("accepted") && count("arrived") > 10, "{}", outcome.report);
    assert!(count("order_unchecked") > 0, "nobody has left: {}", outcome.report);
    let samples = outcome.report["samples"].as_array().unwrap();
    assert!(samples.len() >= 2, "{}", outcome.report);
    assert!(samples.iter().all(|sample| sample["server"]["rss_kib"].as_u64() > Some(0)), "{samples:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_steps_and_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("picture.svg");
    let outcome = run(&format!(
        "push --terminals 20 --messages 20 --rates 100,200..300:100 --picture {}",
        file.display()
    ))
    .await;
    outcome.assert_passed("push");
    outcome.assert_verdict(&[("arrived", 60)]);
    let steps = outcome.report["steps"].as_array().unwrap();
    for (step, rate) in steps.iter().zip([100.0, 200.0, 300.0]) {
        assert_eq!((&step["rate"], &step["open_loop"]["begun"]), (&rate.into(), &20.into()), "{step}");
        assert_eq!(step["latencies_us"]["due to frame"]["count"], 20, "{step}");
    }
    let picture = std::fs::read_to_string(file).unwrap();
    // A point of each step, on each of three lines.
    assert_eq!((steps.len(), picture.matches("<circle").count()), (3, 9), "{picture}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_are_left_alone() {
    let outcome = run_against("ws://192.0.2.1:8080/", "push").await;
    assert_eq!(outcome.code, Some(2), "{}", outcome.text);
    assert!(outcome.text.contains("--i-own-this-server"), "{}", outcome.text);
    let failure = outcome.report["failure"].as_str().unwrap();
    assert!(failure.contains("not a loopback address"), "{failure}");
    assert_eq!(outcome.report["passed"], Value::Bool(false));
}
