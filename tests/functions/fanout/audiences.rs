use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_wire::base64url;

use super::{AUDIENCE, LINKS, TO_AUDIENCE, counts, job, notifications, subscriber, subscribers};
use crate::bed::many::Ask;
use crate::bed::{Bed, CHANNEL, PUBLIC_URL, body, problem};

const NEWS: Option<(&str, &str)> = Some(("name", "news"));

async fn change(bed: &Bed, change: Value) -> Value {
    let answer =
        bed.fan_out(Ask { parameter: NEWS, body: Some(change), ..Ask::new("PATCH", AUDIENCE) }).await;
    assert_eq!(answer.status(), StatusCode::OK, "{:?}", answer.body());
    body(&answer)
}

async fn size(bed: &Bed) -> Response<Body> {
    bed.fan_out(Ask { parameter: NEWS, ..Ask::new("GET", AUDIENCE) }).await
}

async fn notify(bed: &Bed) -> Response<Body> {
    let news = json!({"ttl": 60, "contentEncoding": "identity", "body": base64url::encode("news")});
    bed.fan_out(Ask { parameter: NEWS, body: Some(news), ..Ask::new("POST", TO_AUDIENCE) }).await
}

fn lengths(bed: &Bed) -> Vec<usize> {
    notifications(bed).iter().map(Vec::len).collect()
}

/// R40: an audience is made by adding members; one request reaches them all.
#[tokio::test]
async fn r40_an_audience_is_notified() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    let endpoint = format!("{PUBLIC_URL}/push/{}", tokens[1]);
    let add = json!([tokens[0], endpoint, {"endpoint": endpoint}, {"token": tokens[2]}, "forged"]);
    let changed = change(&bed, json!({"add": add})).await;
    assert_eq!((&changed["added"], &changed["removed"]), (&json!(3), &json!(0)));
    assert_eq!(
        changed["refused"],
        json!([{"list": "add", "index": 4, "status": 404, "type": "urn:signalbox:problem:token-unknown"}])
    );
    assert_eq!(body(&size(&bed).await), json!({"name": "news", "size": 3}));
    let told = body(&notify(&bed).await);
    assert_eq!((&told["total"], &told["refused"]), (&json!(3), &json!([])));
    bed.carry_out().await;
    assert_eq!(lengths(&bed), [1, 1, 1, 0, 0, 0]);
    let progress = bed.progress(job(&told)).await;
    assert_eq!(
        (&progress["state"], &progress["total"], counts(&progress)),
        (&json!("done"), &json!(3), [3, 0, 0, 0, 0, 0])
    );

    let changed = change(&bed, json!({"remove": [tokens[0]], "add": [tokens[3]]})).await;
    assert_eq!((&changed["added"], &changed["removed"]), (&json!(1), &json!(1)));
    notify(&bed).await;
    bed.carry_out().await;
    assert_eq!(lengths(&bed), [0, 1, 1, 1, 0, 0]);
}

/// R40: a member that has ended its session drops out by itself, and is named by its token's digest; one that has asked anew is
/// a member again with its newer token.
#[tokio::test]
async fn a_dead_member_drops_out() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    change(&bed, json!({"add": tokens})).await;
    bed.unregister(LINKS[2], CHANNEL).await;
    let told = body(&notify(&bed).await);
    bed.carry_out().await;
    let progress = bed.progress(job(&told)).await;
    let digest =
        base64url::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, tokens[2].as_bytes()));
    assert_eq!((counts(&progress), &progress["dead"]), ([5, 0, 0, 1, 0, 0], &json!([digest])));
    assert_eq!(progress["refusals"][0]["member"], json!(digest));
    assert_eq!(body(&size(&bed).await)["size"], 5);
    let anew = bed.token(LINKS[2], CHANNEL, json!({"encodings": ["identity"]})).await;
    change(&bed, json!({"add": [anew]})).await;
    let _ = notifications(&bed);
    notify(&bed).await;
    bed.carry_out().await;
    assert_eq!(lengths(&bed), [1, 1, 1, 1, 1, 1]);
}

/// What is refused without being dead stays: a session that has yet to be validated.
#[tokio::test]
async fn a_member_that_is_not_validated_yet_stays() {
    let bed = Bed::new().await;
    bed.terminal(LINKS[0]).await;
    let token = bed.token(LINKS[0], CHANNEL, json!({"app": "mail", "encodings": ["identity"]})).await;
    change(&bed, json!({"add": [token]})).await;
    notify(&bed).await;
    bed.carry_out().await;
    assert_eq!((lengths(&bed)[0], &body(&size(&bed).await)["size"]), (0, &json!(1)));
    assert_eq!(bed.validate(&token).await.status(), 200);
    notify(&bed).await;
    bed.carry_out().await;
    assert_eq!(lengths(&bed)[0], 1);
}

/// An audience is its server's: to everybody else it is not there.
#[tokio::test]
async fn an_audience_belongs_to_its_server() {
    let bed = Bed::new().await;
    let token = subscriber(&bed, LINKS[0]).await.1;
    change(&bed, json!({"add": [token]})).await;
    let stranger = VapidKey::generate().unwrap();
    let news = json!({"ttl": 60});
    for (method, route, body) in [("GET", AUDIENCE, None), ("POST", TO_AUDIENCE, Some(news))] {
        let ask = Ask { server: Some(&stranger), parameter: NEWS, body, ..Ask::new(method, route) };
        assert_eq!(problem(&bed.fan_out(ask).await), (404, "audience-unknown".to_owned()), "{method}");
    }
    let told = body(&notify(&bed).await);
    let ask = Ask {
        server: Some(&stranger),
        parameter: Some(("job", job(&told))),
        ..Ask::new("GET", "/v1/notifications/{job}")
    };
    assert_eq!(problem(&bed.fan_out(ask).await), (404, "job-unknown".to_owned()));
}

/// Deleted it is gone at once, its members' rows a little later; made anew it is empty.
#[tokio::test]
async fn a_deleted_audience_is_gone() {
    let bed = Bed::new().await;
    let tokens = subscribers(&bed).await;
    change(&bed, json!({"add": tokens})).await;
    let delete = || Ask { parameter: NEWS, ..Ask::new("DELETE", AUDIENCE) };
    let _ = bed.paged();
    assert_eq!(bed.fan_out(delete()).await.status(), 204);
    let sweep = bed.paged();
    assert_eq!(sweep.len(), 1);
    for answer in [size(&bed).await, notify(&bed).await] {
        assert_eq!(problem(&answer), (404, "audience-unknown".to_owned()));
    }
    assert_eq!(bed.fan_out(delete()).await.status(), 204);
    change(&bed, json!({"add": [tokens[5]]})).await;
    assert_eq!(body(&size(&bed).await)["size"], 1);
    let members = async || bed.members_kept("news").await;
    assert_eq!(members().await, 7);
    assert!(bed.page(&sweep[0], 1).await);
    assert_eq!(members().await, 1);
    assert_eq!(body(&size(&bed).await)["size"], 1);
}

/// A sweep of an audience that was not deleted after all, as the deletion failed behind it, removes nobody.
#[tokio::test]
async fn a_sweep_leaves_a_live_audience_alone() {
    let bed = Bed::new().await;
    let token = subscriber(&bed, LINKS[0]).await.1;
    change(&bed, json!({"add": [token]})).await;
    bed.dynamo.intercept(|operation| {
        (operation == "UpdateItem").then_some(signalbox_local_aws::Fault::FailsBefore)
    });
    let _ = bed.paged();
    let failed = bed.fan_out(Ask { parameter: NEWS, ..Ask::new("DELETE", AUDIENCE) }).await;
    assert_eq!(failed.status(), 503);
    bed.dynamo.intercept(|_| None);
    assert!(bed.page(&bed.paged()[0], 1).await);
    assert_eq!(body(&size(&bed).await)["size"], 1);
}

#[tokio::test]
async fn a_bad_name_is_said() {
    let bed = Bed::new().await;
    let ask = Ask { parameter: Some(("name", "a b")), ..Ask::new("GET", AUDIENCE) };
    assert_eq!(problem(&bed.fan_out(ask).await), (400, "audience-name-invalid".to_owned()));
}
