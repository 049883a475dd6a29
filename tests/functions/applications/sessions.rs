//! Whom the sessions of a registered application are open to.

use lambda_http::http::StatusCode;
use serde_json::json;
use signalbox::client::VapidKey;
use signalbox_wire::base64url;

use super::{OTHER, keys, mail, outcome, push, refused, validate};
use crate::bed::many::Ask;
use crate::bed::{A, Bed, CHANNEL, body, problem, versions};

/// R17, R22: an application's servers are one server, and no other is any. Validated by one of its keys, the session is the
/// application's: also of a key that comes later, and no more of one that has gone.
#[tokio::test]
async fn keys_of_an_application_rotate() {
    let bed = Bed::new().await;
    let [a, b, other] = keys();
    bed.registered("mail", &[&a]).await;
    let token = mail(&bed).await;
    assert_eq!(outcome(&validate(&bed, &token, &other).await), refused(OTHER));
    assert_eq!(outcome(&push(&bed, &token, &a).await), refused("not-validated"));
    assert_eq!(outcome(&validate(&bed, &token, &a).await), Ok(200));
    assert_eq!(outcome(&push(&bed, &token, &a).await), Ok(201));
    assert_eq!(outcome(&push(&bed, &token, &b).await), refused(OTHER));

    bed.registered("mail", &[&a, &b]).await;
    assert_eq!(outcome(&push(&bed, &token, &a).await), Ok(201));
    assert_eq!(outcome(&push(&bed, &token, &b).await), Ok(201));

    bed.registered("mail", &[&b]).await;
    assert_eq!(outcome(&push(&bed, &token, &a).await), refused(OTHER), "a key that is gone counts no more");
    assert_eq!(outcome(&validate(&bed, &token, &a).await), refused(OTHER));
    assert_eq!(problem(&bed.revoke(&token, &a).await).1, OTHER);
    assert_eq!(outcome(&push(&bed, &token, &b).await), Ok(201));
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 4);

    // The new token of the same session is the application's, too.
    let renewed = bed.token(A, CHANNEL, json!({"app": "mail", "encodings": ["identity"]})).await;
    assert_eq!(outcome(&push(&bed, &renewed, &b).await), Ok(201));
    assert_eq!(bed.revoke(&renewed, &b).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(outcome(&push(&bed, &renewed, &b).await), refused("session-ended"));
}

/// R22: a server that has validated a session of an application that is not its own loses that right when the application is
/// registered, and the application's servers do not inherit it: they validate.
#[tokio::test]
async fn a_registration_ends_a_strangers_right() {
    let bed = Bed::new().await;
    let [a, stranger] = keys();
    let token = mail(&bed).await;
    assert_eq!(outcome(&validate(&bed, &token, &stranger).await), Ok(200));
    assert_eq!(outcome(&push(&bed, &token, &stranger).await), Ok(201));
    bed.registered("mail", &[&a]).await;
    assert_eq!(outcome(&push(&bed, &token, &stranger).await), refused(OTHER));
    assert_eq!(outcome(&push(&bed, &token, &a).await), refused("not-validated"));
    assert_eq!(outcome(&validate(&bed, &token, &a).await), Ok(200));
    assert_eq!(outcome(&push(&bed, &token, &a).await), Ok(201));
    // Removed, the name is everybody's again; what was the application's is nobody's, until somebody validates or it comes back.
    bed.operate("DELETE", "mail", None).await;
    for server in [&a, &stranger] {
        assert_eq!(outcome(&push(&bed, &token, server).await), refused("not-validated"));
    }
    bed.registered("mail", &[&a]).await;
    assert_eq!(outcome(&push(&bed, &token, &a).await), Ok(201));
    bed.operate("DELETE", "mail", None).await;
    assert_eq!(outcome(&validate(&bed, &token, &stranger).await), Ok(200));
    assert_eq!(outcome(&push(&bed, &token, &stranger).await), Ok(201));
    assert_eq!(outcome(&push(&bed, &token, &a).await), refused(OTHER));
}

/// What one of its servers had validated before the application was registered stays its own, and becomes the application's when
/// it is validated once more.
#[tokio::test]
async fn what_was_validated_before_becomes_the_applications() {
    let bed = Bed::new().await;
    let [a, b] = keys();
    let token = mail(&bed).await;
    assert_eq!(outcome(&validate(&bed, &token, &a).await), Ok(200));
    bed.registered("mail", &[&a, &b]).await;
    assert_eq!(outcome(&push(&bed, &token, &b).await), Ok(201));
    assert_eq!(outcome(&validate(&bed, &token, &b).await), Ok(200));
    bed.registered("mail", &[&b]).await;
    assert_eq!(outcome(&push(&bed, &token, &b).await), Ok(201));
}

/// R15, R22: two keys of one application that validate at once are both told that they are authorized, as they are one server.
#[tokio::test]
async fn two_keys_validate_at_once() {
    let bed = Bed::new().await;
    let [a, b] = keys();
    bed.registered("mail", &[&a, &b]).await;
    let token = mail(&bed).await;
    let mut pause = bed.dynamo.pause("UpdateItem");
    let other = async {
        pause.reached().await;
        let answer = validate(&bed, &token, &b).await;
        pause.go_on();
        answer
    };
    let (first, second) = tokio::join!(validate(&bed, &token, &a), other);
    assert_eq!((outcome(&first), outcome(&second)), (Ok(200), Ok(200)));
    for server in [&a, &b] {
        assert_eq!(outcome(&push(&bed, &token, server).await), Ok(201));
    }
}

/// R22: a validation that began before its server had no right any more, by a registration or as its key was taken out, gives it
/// none: what is evaluated at each push is what is registered then.
#[tokio::test]
async fn a_validation_that_meets_a_registration_gives_no_right() {
    for registered_before in [false, true] {
        let bed = Bed::new().await;
        let [a, late] = keys();
        if registered_before {
            bed.registered("mail", &[&late]).await;
        }
        let token = mail(&bed).await;
        let mut pause = bed.dynamo.pause("UpdateItem");
        let change = async {
            pause.reached().await;
            bed.registered("mail", &[&a]).await;
            pause.go_on();
        };
        let (validated, ()) = tokio::join!(validate(&bed, &token, &late), change);
        assert_eq!(outcome(&validated), Ok(200), "it began before");
        assert_eq!(outcome(&push(&bed, &token, &late).await), refused(OTHER));
        assert_eq!(outcome(&validate(&bed, &token, &late).await), refused(OTHER));
        // A stranger's validation is not the application's; one of its own key of then is.
        let expected = if registered_before { Ok(201) } else { refused("not-validated") };
        assert_eq!(outcome(&push(&bed, &token, &a).await), expected);
    }
}

/// An application may do without validation, for its own servers alone.
#[tokio::test]
async fn an_application_may_be_implicit() {
    let bed = Bed::new().await;
    let [a, other] = keys();
    let asked = json!({"serverKeys": [a.public_key()], "authorization": "implicit"});
    assert_eq!(bed.operate("PUT", "mail", Some(asked)).await.status(), StatusCode::CREATED);
    let token = mail(&bed).await;
    assert_eq!(outcome(&push(&bed, &token, &a).await), Ok(201));
    assert_eq!(outcome(&push(&bed, &token, &other).await), refused(OTHER));
    let mut unsigned = bed.push_event(&token, 60);
    unsigned["headers"].as_object_mut().unwrap().remove("authorization");
    assert_eq!(outcome(&bed.run_push(&unsigned).await), refused("vapid-missing"));
}

/// R40: in a fan-out each session of a registered application is evaluated as by itself.
#[tokio::test]
async fn r40_a_fan_out_is_of_the_application() {
    let bed = Bed::new().await;
    let [a, b, other] = keys();
    bed.registered("mail", &[&a]).await;
    let token = mail(&bed).await;
    assert_eq!(outcome(&validate(&bed, &token, &a).await), Ok(200));
    bed.registered("mail", &[&b]).await;
    let send = async |server: &VapidKey| {
        let news = json!({
            "ttl": 60, "contentEncoding": "identity", "body": base64url::encode("news"),
            "recipients": [{"token": token}],
        });
        let ask = Ask { server: Some(server), body: Some(news), ..Ask::new("POST", "/v1/notifications") };
        let accepted = body(&bed.fan_out(ask).await);
        bed.carry_out().await;
        let job = accepted["job"].as_str().unwrap();
        let ask = Ask {
            server: Some(server),
            parameter: Some(("job", job)),
            ..Ask::new("GET", "/v1/notifications/{job}")
        };
        let progress = body(&bed.fan_out(ask).await);
        (progress["posted"].as_u64().unwrap(), progress["refusals"].clone())
    };
    assert_eq!(send(&b).await, (1, json!([])));
    for stranger in [&a, &other] {
        let (posted, refusals) = send(stranger).await;
        assert_eq!((posted, refusals[0]["type"].as_str()), (0, Some("urn:signalbox:problem:other-server")));
    }
    assert_eq!(versions(&bed.peers.take(A.id)).len(), 1);
}
