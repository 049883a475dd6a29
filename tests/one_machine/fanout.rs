//! R42, I9: the host is killed in the middle of a job, `SIGNALBOX_FANOUT_KILLS` times; the job has `SIGNALBOX_MEMBERS`
//! recipients. A plain `cargo test` asks for few.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use signalbox_wire::{ChannelId, Register, base64url};

use crate::promises::asked;
use crate::support::{App, Process, Server, Service, channel, http};

const TERMINALS: usize = 20;
/// Longer than the job takes, with all kills.
const PATIENCE: Duration = Duration::from_secs(300);

/// What came: of each channel the versions, and how often each.
type Came = Arc<Mutex<HashMap<ChannelId, HashMap<String, usize>>>>;

/// Takes and acknowledges what comes, on one connection after the other, until it is told to stop.
async fn take(websocket_url: String, uaid: String, came: Came, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let Ok(mut terminal) = signalbox::client::Terminal::connect(&websocket_url).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(hello) = terminal.hello(Some(uaid.clone())).await else { continue };
        assert_eq!(hello.uaid, uaid, "a terminal is never forgotten");
        while !stop.load(Ordering::SeqCst) {
            let next = tokio::time::timeout(Duration::from_millis(200), terminal.next()).await;
            let Ok(next) = next else { continue };
            let Ok(notification) = next else { break };
            *came
                .lock()
                .unwrap()
                .entry(notification.channel)
                .or_default()
                .entry(notification.version.clone())
                .or_default() += 1;
            if terminal.acknowledge(&notification).await.is_err() {
                break;
            }
        }
    }
}

/// How far the job is; none while the host is away.
async fn progress(service: &Service, server: &Server, job: &str) -> Option<Value> {
    let request = http().get(format!("{}/v1/notifications/{job}", service.public_url));
    let answer = server.sign(request, &service.public_url).send().await.ok()?;
    answer.json().await.ok()
}

/// The job is accepted, however often the host dies meanwhile: the same key is the same job.
async fn accepted(service: &Service, server: &Server) -> String {
    let news = json!({"ttl": 3600, "contentEncoding": "identity", "body": base64url::encode([7; 600])});
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline);
        let request =
            http().post(format!("{}/v1/audiences/all/notifications", service.public_url)).json(&news);
        let request = server.sign(request, &service.public_url).header("Idempotency-Key", "the-one");
        match request.send().await {
            Ok(answer) if answer.status() == 202 => {
                let told: Value = answer.json().await.unwrap();
                return told["job"].as_str().unwrap().to_owned();
            }
            Ok(answer) if answer.status() != 503 => panic!("{}", answer.text().await.unwrap()),
            // The host is away, or was killed before it could answer.
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// R40, R42, I2, I9: each member gets the job's message under one version, whether its terminal was there or not, however often the
/// host was killed; and all are counted once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_a_host_that_is_killed_in_the_middle_of_a_job() {
    let (members, kills) = (asked("SIGNALBOX_MEMBERS", 2_000), asked("SIGNALBOX_FANOUT_KILLS", 3));
    let data = tempfile::tempdir().unwrap();
    let server = Server::new();
    let mut process = Process::on(data.path());
    let service = Service::from_urls(&process);
    let registering = (0..TERMINALS).map(async |_| {
        let mut terminal = signalbox::client::Terminal::connect(&service.websocket_url).await.unwrap();
        let uaid = terminal.hello(None).await.unwrap().uaid;
        let mut tokens = Vec::new();
        for _ in 0..members / TERMINALS {
            let request =
                Register { channel: channel(), key: None, app: None, encodings: vec!["identity".into()] };
            tokens.push(App::register_as(&mut terminal, request).await.token().to_owned());
        }
        (uaid, tokens)
    });
    let registered = join_all(registering).await;
    let total: usize = registered.iter().map(|(_, tokens)| tokens.len()).sum();
    for (_, tokens) in &registered {
        for some in tokens.chunks(1_000) {
            let request = http().patch(format!("{}/v1/audiences/all", service.public_url));
            let request = server.sign(request.json(&json!({"add": some})), &service.public_url);
            assert_eq!(request.send().await.unwrap().status(), 200);
        }
    }

    let (came, stop) = (Came::default(), Arc::new(AtomicBool::new(false)));
    let there = |uaid: &String| {
        tokio::spawn(take(service.websocket_url.clone(), uaid.clone(), came.clone(), stop.clone()))
    };
    // Every other terminal is there all the time, the others come when the job is done.
    let mut terminals: Vec<_> = registered.iter().step_by(2).map(|(uaid, _)| there(uaid)).collect();
    let job = {
        let accepting = accepted(&service, &server);
        let killing = async {
            for kill in 0..kills {
                tokio::time::sleep(Duration::from_millis(150 + 70 * u64::try_from(kill % 5).unwrap())).await;
                let url = process.public_url.clone();
                process.end_now();
                process = Process::start_again(&url, data.path());
            }
        };
        tokio::join!(accepting, killing).0
    };
    let deadline = Instant::now() + PATIENCE;
    let last = loop {
        assert!(Instant::now() < deadline, "the job ends");
        match progress(&service, &server, &job).await {
            Some(progress) if progress["state"] == "done" => break progress,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let count = |name: &str| usize::try_from(last[name].as_u64().unwrap()).unwrap();
    assert_eq!((count("total"), count("posted") + count("stored")), (total, total), "{last}");

    terminals.extend(registered.iter().skip(1).step_by(2).map(|(uaid, _)| there(uaid)));
    while came.lock().unwrap().len() < total {
        assert!(Instant::now() < deadline, "{} of {total} came", came.lock().unwrap().len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // What would come twice has time to.
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::SeqCst);
    join_all(terminals).await;
    let came = came.lock().unwrap();
    assert!(came.values().all(|versions| versions.len() == 1), "never under two versions");
    let repeated: usize = came.values().flat_map(HashMap::values).map(|times| times - 1).sum();
    println!(
        "{total} recipients, {kills} kills: none lost, none under two versions, {repeated} repeated under their own; {last}"
    );
}
