use serde_json::{Value, json};

use super::{accepted, subscribers, to_all};
use crate::bed::Bed;

fn repeated(tokens: &[String], times: usize) -> Vec<String> {
    tokens.iter().cycle().take(times).cloned().collect()
}

/// What is forged or another server's is refused without a read, a thousand times over.
#[tokio::test]
async fn forged_tokens_cost_one_write_for_the_job() {
    let bed = Bed::new().await;
    let _ = bed.dynamo.take();
    accepted(&bed, to_all(&vec!["forged".to_owned(); 1_000], 60)).await;
    assert_eq!(bed.dynamo.take_operations(), ["PutItem"]);
    assert_eq!(bed.queues.take_operations(), ["SendMessageBatch"]);
}

/// A page of a list, as the table of costs says.
#[tokio::test]
async fn a_page_costs_what_the_table_says() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    bed.disconnect(super::LINKS[0]).await;
    let _ = bed.dynamo.take();
    for (ttl, expected) in [
        // The job and the page; terminals and sessions; what became of them.
        (0, vec!["BatchGetItem", "BatchGetItem", "PutItem"]),
        // ... the 60 messages, that they are stored, a second look for the absent one.
        (
            60,
            vec![
                "BatchGetItem",
                "BatchGetItem",
                "BatchWriteItem",
                "BatchWriteItem",
                "BatchWriteItem",
                "PutItem",
                "BatchGetItem",
                "PutItem",
            ],
        ),
    ] {
        accepted(&bed, to_all(&repeated(&tokens, 60), ttl)).await;
        let work = bed.paged();
        let _ = (bed.dynamo.take(), bed.posts.take());
        assert!(bed.page(&work[0], 1).await);
        assert_eq!(bed.dynamo.take_operations(), expected, "TTL {ttl}");
        assert_eq!(bed.posts.take().len(), 50, "TTL {ttl}");
    }
}

/// Terminals and sessions of a page are read by 50, strongly, each once.
#[tokio::test]
async fn a_page_reads_by_fifty() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    accepted(&bed, to_all(&repeated(&tokens, 200), 0)).await;
    let work = bed.paged();
    let _ = bed.dynamo.take();
    assert!(bed.page(&work[0], 1).await);
    let reads: Vec<Value> = bed
        .dynamo
        .take()
        .into_iter()
        .filter(|call| call.operation == "BatchGetItem")
        .map(|call| call.request)
        .collect();
    let rows = &reads[1]["RequestItems"]["terminals"];
    assert_eq!((reads.len(), rows["Keys"].as_array().unwrap().len()), (2, 12));
    assert_eq!(rows["ConsistentRead"], json!(true));
}
