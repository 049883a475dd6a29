//! The queue of drains: at least once, late, in no order; what could not be dealt with comes again, and ends among the dead
//! letters.

use std::sync::Weak;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use tokio::time::sleep;

use crate::dice::{Dice, derive};
use crate::facts::What;
use crate::gateway::pause;
use crate::world::World;

/// As the template says.
const VISIBILITY: Duration = Duration::from_secs(180);
const RECEPTIONS: u64 = 5;

/// The wire of SQS: what is sent here wakes the function `drain`.
#[derive(Clone)]
pub struct Queue(pub Weak<World>);

impl HttpConnector for Queue {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).expect("JSON");
        let body = sent["MessageBody"].as_str().expect("a body").to_owned();
        let delay = Duration::from_secs(sent["DelaySeconds"].as_u64().unwrap_or_default());
        if let Some(world) = self.0.upgrade() {
            world.owe(body, delay);
        }
        let taken = SdkBody::from(r#"{"MessageId":"059f36b4-87a3-44ab-83d2-661975830a7d"}"#);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().expect("a status"), taken)))
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Queue")
    }
}

impl World {
    /// A message of the queue, which comes after `delay` until it is dealt with.
    fn owe(&self, body: String, delay: Duration) {
        let event = self.note(What::Drain { body });
        let (world, seed) = (self.me(), derive(event as u64, 0xd7a1));
        tokio::spawn(async move {
            sleep(delay).await;
            for reception in 0..RECEPTIONS {
                let mood = world.mood();
                let mut dice = Dice::new(derive(seed, reception));
                pause(dice.below(mood.late + 1)).await;
                let dealt_with =
                    world.clone().run(event, &mood, dice.seed()).await && world.was_dealt_with(event);
                if dealt_with && !dice.chance(mood.again) {
                    break;
                }
                sleep(VISIBILITY).await;
            }
            // What was given up has its effect a few seconds later at most.
            sleep(Duration::from_secs(5)).await;
            let mut facts = world.facts.lock().unwrap();
            let tick = facts.tick();
            facts.events[event].over = Some(tick);
            world.under_way.fetch_sub(1, Ordering::SeqCst);
        });
    }

    fn was_dealt_with(&self, event: usize) -> bool {
        let facts = self.facts.lock().unwrap();
        let last = facts.events[event].runs.last();
        last.is_some_and(|run| facts.runs[*run].answer.as_ref().is_some_and(|answer| answer.status == 200))
    }
}
