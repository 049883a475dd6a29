use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use signalbox_local_aws::Fault;
use tracing_subscriber::fmt::MakeWriter;

use crate::bed::{A, B, Bed, CHANNEL, versions};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// I11: through the whole flow, its refusals and its faults, no line of the log holds a secret, however much is logged.
#[tokio::test]
async fn no_secret_is_logged() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_env_filter(signalbox_startup::log_filter(Some("trace")))
        .with_writer(lines.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let token = bed.token(A, CHANNEL, json!({"app": "mail"})).await;
    let push = bed.push_event(&token, 60);
    bed.run_push(&push).await;
    bed.validate(&token).await;
    bed.deliver(&token, 60).await;
    let live = versions(&bed.peers.take(A.id));
    bed.acknowledge(A, &[&live[0]]).await;
    bed.push(&token[1..], 60).await;
    bed.peers.open(B.id);
    bed.hello(B, Some(&uaid)).await;
    bed.dynamo.intercept(|_| Some(Fault::FailsAfter));
    assert_eq!(bed.push(&token, 60).await.status(), 503);
    bed.hello(B, Some(&uaid)).await;
    bed.unregister(B, CHANNEL).await;

    let log = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(log.lines().count() > 8, "{log}");
    let jwt =
        push["headers"]["authorization"].as_str().unwrap().split(&['=', ','][..]).nth(1).unwrap().to_owned();
    let secrets =
        [&uaid, &token, &live[0], &jwt, bed.server.private_key(), "long enough", "/push/", "push.example"];
    for secret in secrets {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
}
