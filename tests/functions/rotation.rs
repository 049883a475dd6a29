use std::time::Duration;

use serde_json::json;

use crate::bed::{A, B, Bed, CHANNEL, problem, versions};
use crate::events::Link;

const OLD: &str = r#""1":"an example secret that is long enough""#;
const NEW: &str = r#""2":"another secret that is long enough""#;

/// A key comes in to open only, is promoted, and the old one is retired when all under it has ended: on the way no token is
/// lost, and no version changes (I2).
#[tokio::test]
async fn a_rotation_loses_nothing() {
    let bed = Bed::new().await;
    let uaid = bed.terminal(A).await;
    let old_token = bed.token(A, CHANNEL, json!({})).await;
    bed.deliver(&old_token, 600).await;
    let before = versions(&bed.peers.take(A.id));

    // Added, then promoted a good minute later; whoever meets a box under it reads the ring again.
    bed.set_key_ring(&format!("{{\"encrypt\":\"1\",{OLD},{NEW}}}"));
    bed.pass(Duration::from_secs(61));
    bed.set_key_ring(&format!("{{\"encrypt\":\"2\",{OLD},{NEW}}}"));
    bed.pass(Duration::from_secs(61));
    let refreshed = Bed::sharing(&bed, &format!("{{\"encrypt\":\"2\",{OLD},{NEW}}}")).await;
    let new_token = refreshed.token(A, CHANNEL, json!({})).await;

    // This instance has the ring of before, and learns of the new key by the token.
    bed.deliver(&new_token, 600).await;
    bed.deliver(&old_token, 600).await;
    refreshed.deliver(&old_token, 600).await;
    bed.disconnect(A).await;
    bed.peers.open(B.id);
    let after = versions(&refreshed.hello(B, Some(&uaid)).await);
    assert_eq!(after.len(), 4);
    assert_eq!(after[0], before[0], "a version changed when the ring was rotated");

    // What was sealed under either key is acknowledged by either instance.
    bed.acknowledge(B, &after.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let c = Link { id: "c", connected: 3_000 };
    bed.peers.open(c.id);
    assert_eq!(versions(&bed.hello(c, Some(&uaid)).await).len(), 0);

    // Retired: tokens under it are as good as forged.
    let retired = Bed::sharing(&bed, &format!("{{\"encrypt\":\"2\",{NEW}}}")).await;
    assert_eq!(problem(&retired.push(&old_token, 60).await), (404, "token-unknown".into()));
    retired.deliver(&new_token, 60).await;
}

/// A ring that cannot be read again is no reason to say that a token is dead.
#[tokio::test]
async fn an_unknown_key_is_no_404_while_the_ring_cannot_be_read() {
    let bed = Bed::new().await;
    bed.terminal(A).await;
    bed.set_key_ring(&format!("{{\"encrypt\":\"2\",{OLD},{NEW}}}"));
    let other = Bed::sharing(&bed, &format!("{{\"encrypt\":\"2\",{OLD},{NEW}}}")).await;
    let token = other.token(A, CHANNEL, json!({})).await;
    bed.pass(Duration::from_secs(61));
    bed.set_key_ring("nonsense");
    assert_eq!(problem(&bed.push(&token, 60).await), (503, "unavailable".into()));
    // Tried at most once a minute, also where that fails.
    bed.set_key_ring(&format!("{{\"encrypt\":\"2\",{OLD},{NEW}}}"));
    assert_eq!(problem(&bed.push(&token, 60).await), (503, "unavailable".into()));
    bed.pass(Duration::from_secs(61));
    bed.deliver(&token, 60).await;
}
