use serde_json::json;
use signalbox_wire::base64url;

use super::{AUDIENCE, TO_AUDIENCE, accepted, sealed, subscribers, to_all};
use crate::bed::many::Ask;
use crate::bed::{Bed, problem};

/// What stands in all tables.
async fn rows(bed: &Bed) -> String {
    let mut tables = Vec::new();
    for table in ["terminals", "messages", "connections", "fanout"] {
        tables.push(bed.tables.scan().table_name(table).send().await.unwrap().items.unwrap());
    }
    format!("{tables:?}")
}

/// Who reads the queue of pages, or the tables behind a fan-out, finds no token: only digests, with which nothing can be sent.
#[tokio::test]
async fn queue_and_tables_of_a_fan_out_hold_no_token() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let news = Some(("name", "news"));
    let change = json!({"add": tokens, "remove": []});
    bed.fan_out(Ask { parameter: news, body: Some(change), ..Ask::new("PATCH", AUDIENCE) }).await;
    accepted(&bed, to_all(&tokens, 60)).await;
    let queued = bed.paged();
    let to_all = json!({"ttl": 60});
    bed.fan_out(Ask { parameter: news, body: Some(to_all), ..Ask::new("POST", TO_AUDIENCE) }).await;
    let seen = queued.concat() + &bed.paged().concat() + &rows(&bed).await;
    for token in &tokens {
        assert!(!seen.contains(token.as_str()), "a token is kept");
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tokens[0].as_bytes());
    let digest = base64url::encode(digest);
    assert!(seen.contains(&digest), "a page says whom it is for");
    assert_eq!(problem(&bed.push(&digest, 60).await), (404, "token-unknown".to_owned()));
}

/// A body that is not encrypted can be read where it is kept; one that is cannot.
#[tokio::test]
async fn what_is_not_encrypted_can_be_read_by_who_reads_the_queue() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let secret = base64url::encode("a secret text");
    let plain = json!({"token": tokens[0], "body": secret, "contentEncoding": "identity"});
    let encrypted =
        json!({"token": tokens[1], "body": sealed(&bed, b"a secret text"), "contentEncoding": "aes128gcm"});
    let list = |recipient| json!({"ttl": 60, "recipients": [recipient]});
    for (recipient, readable) in [(plain, true), (encrypted, false)] {
        accepted(&bed, list(recipient)).await;
        assert_eq!(bed.paged()[0].contains(&secret), readable);
    }
}
