//! What the registry costs.

use serde_json::json;

use super::{keys, mail, outcome, push, validate};
use crate::bed::Bed;
use crate::bed::many::Ask;

/// What the registry adds: a unit to a push to a session with an application's name, a read to what asks for an audience.
#[tokio::test]
async fn the_registry_costs_what_the_table_says() {
    let bed = Bed::new().await;
    let [a] = keys();
    let cost = |bed: &Bed| {
        let calls = bed.dynamo.take();
        let units: f64 = calls.iter().map(|call| call.units).sum();
        (calls.into_iter().map(|call| call.operation).collect::<Vec<_>>().join(" "), units)
    };
    bed.registered("mail", &[&a]).await;
    assert_eq!(cost(&bed), ("GetItem TransactWriteItems".to_owned(), 37.0));
    bed.registered("mail", &[&a]).await;
    assert_eq!(cost(&bed), ("GetItem".to_owned(), 1.0));
    let token = mail(&bed).await;
    let _ = cost(&bed);
    assert_eq!(outcome(&validate(&bed, &token, &a).await), Ok(200));
    assert_eq!(cost(&bed), ("BatchGetItem UpdateItem".to_owned(), 4.0));
    assert_eq!(outcome(&validate(&bed, &token, &a).await), Ok(200));
    assert_eq!(cost(&bed), ("BatchGetItem".to_owned(), 3.0));
    assert_eq!(outcome(&push(&bed, &token, &a).await), Ok(201));
    assert_eq!(cost(&bed), ("BatchGetItem PutItem".to_owned(), 4.0));
    let ask = Ask {
        server: Some(&a),
        parameter: Some(("name", "news")),
        body: Some(json!({"add": [token]})),
        ..Ask::new("PATCH", "/v1/audiences/{name}")
    };
    assert_eq!(bed.fan_out(ask).await.status(), 200);
    assert_eq!(cost(&bed), ("GetItem UpdateItem BatchWriteItem".to_owned(), 3.0));
    bed.operate("DELETE", "mail", None).await;
    assert_eq!(cost(&bed), ("GetItem TransactWriteItems".to_owned(), 37.0));
}
