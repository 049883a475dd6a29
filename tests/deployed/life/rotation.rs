use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use signalbox_wire::Unregister;
use tokio::process::Command;

use super::STACK;
use super::flow::{Flow, key_of};
use crate::aws::{Aws, python};
use crate::deployment::said;
use crate::stack::{Stack, root};
use crate::support::{App, next};

/// `infra/rotate-key-ring`, step by step. Its waits are shortened by setting its marks back, which are tags of the secret; that
/// it waits is asked first.
pub(super) struct Rotation<'s> {
    aws: &'s Aws,
    stack: &'s Stack,
}

impl<'s> Rotation<'s> {
    pub(super) fn new(aws: &'s Aws, stack: &'s Stack) -> Self {
        Self { aws, stack }
    }

    /// A new key comes in, to open only.
    pub(super) async fn add(&self) {
        assert_eq!(self.ring().await, (1, vec![1]));
        self.run(&["add"]).await.unwrap();
        assert_eq!(self.ring().await, (1, vec![1, 2]));
        let again = self.run(&["add"]).await.unwrap_err();
        assert!(again.contains("refused: key 2 is there already"), "{again}");
        let at_once = self.run(&["promote"]).await.unwrap_err();
        assert!(at_once.contains("come back in"), "{at_once}");
    }

    /// The new key seals: what is issued from now on is under it, and what was issued before goes on. Every instance has read
    /// the ring since the key came in, as the stack was updated in between.
    pub(super) async fn promote(&self, flow: &mut Flow) {
        assert_eq!(key_of(flow.app.token()), 1);
        self.set_back("key-2:added", Duration::from_secs(120)).await;
        let (promoted, arrived) = flow.push_while(self.run(&["promote"])).await;
        promoted.unwrap();
        assert!(arrived > 0);
        assert_eq!(self.ring().await, (2, vec![1, 2]));
        // To the endpoint of before, on the connection of before, under a version of now.
        let came = flow.send_and_get().await;
        assert_eq!(key_of(&came.version), 2);
        flow.acknowledge(vec![came]).await;
    }

    /// The old key leaves when nothing is under it any more. The session that is left, under the new key.
    pub(super) async fn retire(&self, flow: &mut Flow) -> App {
        let terminal = flow.terminal_id();
        flow.come_again(async || self.waiting(&terminal).await).await;
        let successor = App::register(&mut flow.terminal, None, None).await;
        assert_eq!(key_of(successor.token()), 2);
        let at_once = self.run(&["retire", "1"]).await.unwrap_err();
        assert!(at_once.contains("may not have ended: come back in"), "{at_once}");

        // As if it had all been an hour ago.
        let hour = Duration::from_secs(3600);
        self.set_back("key-1:demoted", hour).await;
        self.issued_earlier(flow, hour + Duration::from_secs(60)).await;
        let in_use = self.run(&["retire", "1"]).await.unwrap_err();
        assert!(in_use.contains("refused: 1 tokens may be under key 1"), "{in_use}");

        let end = Unregister { channel: flow.app.channel, code: None };
        assert_eq!(flow.terminal.unregister(end).await.unwrap().status, 200);
        self.run(&["retire", "1"]).await.unwrap();
        assert_eq!(self.ring().await, (2, vec![2]));
        flow.service.deliver(&flow.server, &successor, "under the new one").await;
        assert_eq!(successor.read(&next(&mut flow.terminal).await), "under the new one");
        successor
    }

    /// The key that seals, and all.
    async fn ring(&self) -> (u8, Vec<u8>) {
        let of = json!({"SecretId": self.stack.output("KeyRingArn")});
        let secret = self.aws.call("secretsmanager", "get_secret_value", of).await;
        let ring: Value = serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap();
        let sealing = ring["encrypt"].as_str().unwrap().parse().unwrap();
        let mut keys: Vec<_> = ring.as_object().unwrap().keys().filter_map(|key| key.parse().ok()).collect();
        keys.sort_unstable();
        (sealing, keys)
    }

    /// How much waits for a terminal.
    async fn waiting(&self, terminal: &str) -> usize {
        let query = json!({
            "TableName": self.stack.resource("MessagesTable"),
            "KeyConditionExpression": "pk = :terminal",
            "ExpressionAttributeValues": {":terminal": {"S": terminal}},
            "ConsistentRead": true,
        });
        self.aws.call("dynamodb", "query", query).await["Items"].as_array().unwrap().len()
    }

    async fn run(&self, step: &[&str]) -> Result<(), String> {
        let script = root().join("infra/rotate-key-ring");
        let output = Command::new(python()).arg(script).arg(STACK).args(step).output().await;
        said(&output.expect("it runs"))
    }

    /// Sets a mark back by so much.
    async fn set_back(&self, mark: &str, by: Duration) {
        let name = format!("signalbox:{mark}");
        let secret = json!({"SecretId": self.stack.output("KeyRingArn")});
        let described = self.aws.call("secretsmanager", "describe_secret", secret.clone()).await;
        let marks = described["Tags"].as_array().unwrap();
        assert!(marks.iter().any(|tag| tag["Key"] == name), "{name} is among {marks:?}");
        let tag = json!([{"Key": name, "Value": rfc3339(SystemTime::now() - by)}]);
        let mut tagging = secret;
        tagging["Tags"] = tag;
        self.aws.call("secretsmanager", "tag_resource", tagging).await;
    }

    /// Writes into a session's row that its token was issued so long ago.
    async fn issued_earlier(&self, flow: &Flow, by: Duration) {
        let issued = (SystemTime::now() - by).duration_since(UNIX_EPOCH).unwrap().as_millis();
        let update = json!({
            "TableName": self.stack.resource("TerminalsTable"),
            "Key": {"pk": {"S": flow.terminal_id()}, "sk": {"S": format!("S#{}", flow.app.channel)}},
            "UpdateExpression": "SET issuedAt = :issued",
            "ConditionExpression": "attribute_exists(issuedAt)",
            "ExpressionAttributeValues": {":issued": {"N": issued.to_string()}},
        });
        self.aws.call("dynamodb", "update_item", update).await;
    }
}

/// In UTC, to the second.
fn rfc3339(time: SystemTime) -> String {
    let seconds = i64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let time = aws_smithy_types::DateTime::from_secs(seconds);
    let text = time.fmt(aws_smithy_types::date_time::Format::DateTime).unwrap();
    // Python before 3.11 reads no Z.
    text.replace('Z', "+00:00")
}
