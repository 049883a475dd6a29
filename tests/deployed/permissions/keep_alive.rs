use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use signalbox_domain::{ConnectionId, Slot, Timestamp};
use signalbox_keep_alive::Wake;

use super::function::Function;
use super::operation::{Act, Operation};
use super::permission::{On, POST};
use super::scene::{Scene, gone, is_taken};

/// After a keep-alive has been posted and before it has come.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

/// It reads no key ring, so that an instance starts without any of them.
pub(super) fn operations() -> Vec<Operation> {
    let query = On::KeepAlives.may("dynamodb:Query");
    let remove = On::KeepAlives.may("dynamodb:BatchWriteItem");
    vec![
        Operation::new("the connections of a slot are kept alive", &[query, POST], keeps),
        Operation::new("a connection that has ended drops out of its slot", &[query, POST, remove], drops),
    ]
}

async fn keeps(scene: Arc<Scene>) -> Act {
    let (mut terminal, hello) = scene.service.terminal().await;
    // The emulator hands on one message of a connection at a time: behind this it has arrived.
    assert!(is_taken(&mut terminal).await);
    let connection = scene.connection_of(&hello.uaid).await.unwrap();
    Box::pin(async move {
        // What else is in the slot may have ended, and not be removed: that is another operation.
        scene.wakes(&connection).await;
        // Its own answer, and what came before that.
        is_taken(&mut terminal).await
            && tokio::time::timeout(ON_ITS_WAY, terminal.pong()).await.is_ok_and(|one| one.is_ok())
    })
}

async fn drops(scene: Arc<Scene>) -> Act {
    let connection = gone();
    scene.put_in_slot(&connection).await;
    Box::pin(async move { scene.wakes(&connection).await && !scene.is_in_slot(&connection).await })
}

/// Slots.
impl Scene {
    /// Whether a connection is among those that are kept alive.
    pub(super) async fn is_in_slot(&self, connection: &str) -> bool {
        let get = json!({"TableName": self.stack.resource("KeepAliveTable"), "Key": key(connection)});
        !self.aws.call("dynamodb", "get_item", get).await["Item"].is_null()
    }

    async fn put_in_slot(&self, connection: &str) {
        let mut item = key(connection);
        item["expiresAt"] = json!({"N": u32::MAX.to_string()});
        let put = json!({"TableName": self.stack.resource("KeepAliveTable"), "Item": item});
        self.aws.call("dynamodb", "put_item", put).await;
    }

    /// Wakes `keep-alive` as the schedule does when this connection is due; whether it is done with it.
    async fn wakes(&self, connection: &str) -> bool {
        let slot = slot(connection);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let minutes = (0..u64::from(Slot::MINUTES)).map(|minute| Timestamp::from_secs(now + 60 * minute));
        let wakes = minutes.flat_map(|time| Slot::SHARDS.map(move |shard| (time, shard)));
        let due = |(time, shard): &(Timestamp, u8)| Slot::due(*time, *shard).unwrap() == slot;
        let (time, shard) = wakes.into_iter().find(due).expect("each is due once in each period");
        let wake = serde_json::to_value(Wake::new(time, shard)).unwrap();
        self.invoke(Function::KeepAlive, &wake).await.is_some()
    }
}

fn slot(connection: &str) -> Slot {
    Slot::of(&connection.parse::<ConnectionId>().unwrap())
}

fn key(connection: &str) -> Value {
    json!({"pk": {"S": slot(connection).to_string()}, "sk": {"S": connection}})
}
