//! Whose audiences are.

use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_wire::base64url;

use super::{keys, mail, outcome, validate};
use crate::bed::many::Ask;
use crate::bed::{A, Bed, body, problem, versions};

/// R40: an application's audiences are its own, whatever keys its servers have.
#[tokio::test]
async fn r40_audiences_outlive_keys() {
    let bed = Bed::new().await;
    let [a, b, other] = keys();
    bed.registered("mail", &[&a]).await;
    let token = mail(&bed).await;
    assert_eq!(outcome(&validate(&bed, &token, &a).await), Ok(200));
    let ask = async |server: &VapidKey, method: &'static str, change: Option<Value>| {
        let ask = Ask {
            server: Some(server),
            parameter: Some(("name", "news")),
            body: change,
            ..Ask::new(method, "/v1/audiences/{name}")
        };
        bed.fan_out(ask).await
    };
    assert_eq!(ask(&a, "PATCH", Some(json!({"add": [token]}))).await.status(), 200);
    bed.registered("mail", &[&a, &b]).await;
    for server in [&a, &b] {
        assert_eq!(body(&ask(server, "GET", None).await)["size"], 1);
    }
    bed.registered("mail", &[&b]).await;
    for stranger in [&a, &other] {
        assert_eq!(problem(&ask(stranger, "GET", None).await).1, "audience-unknown");
    }
    let news = json!({"ttl": 60, "contentEncoding": "identity", "body": base64url::encode("news")});
    let to_all = Ask {
        server: Some(&b),
        parameter: Some(("name", "news")),
        body: Some(news),
        ..Ask::new("POST", "/v1/audiences/{name}/notifications")
    };
    assert_eq!(bed.fan_out(to_all).await.status(), StatusCode::ACCEPTED);
    bed.carry_out().await;
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 1);
    // What a key had before it was registered is its own still, and found when it is nobody's again.
    let own = ask(&other, "PATCH", Some(json!({"add": []}))).await;
    assert_eq!(own.status(), 200);
    bed.registered("chat", &[&other]).await;
    assert_eq!(problem(&ask(&other, "GET", None).await).1, "audience-unknown");
    bed.operate("DELETE", "chat", None).await;
    assert_eq!(body(&ask(&other, "GET", None).await)["size"], 0);
    assert_eq!(ask(&b, "DELETE", None).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(problem(&ask(&b, "GET", None).await).1, "audience-unknown");
}
