//! The registry of applications, and what it means for sessions and audiences.

use lambda_http::http::StatusCode;
use lambda_http::{Body, Response};
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_local_aws::Fault;
use signalbox_wire::base64url;

use crate::bed::many::Ask;
use crate::bed::operator::{APPLICATION, APPLICATIONS};
use crate::bed::{A, Bed, CHANNEL, PUBLIC_URL, body, problem, versions};

fn keys<const N: usize>() -> [VapidKey; N] {
    std::array::from_fn(|_| VapidKey::generate().unwrap())
}

fn registration(servers: &[&VapidKey]) -> Value {
    let keys: Vec<_> = servers.iter().map(|server| server.public_key()).collect();
    json!({"serverKeys": keys})
}

async fn validate(bed: &Bed, token: &str, server: &VapidKey) -> Response<Body> {
    bed.run_validate(&bed.validate_event(token, server)).await
}

async fn push(bed: &Bed, token: &str, server: &VapidKey) -> Response<Body> {
    let mut event = bed.push_event(token, 60);
    event["headers"]["authorization"] = json!(server.authorization(PUBLIC_URL).unwrap());
    bed.run_push(&event).await
}

/// A session of the application `mail`.
async fn mail(bed: &Bed) -> String {
    bed.terminal(A).await;
    bed.token(A, CHANNEL, json!({"app": "mail", "encodings": ["identity"]})).await
}

const OTHER: &str = "other-server";

/// 200 or 201, or the kind of problem.
fn outcome(answer: &Response<Body>) -> Result<u16, String> {
    match answer.status().as_u16() {
        status @ (200 | 201) => Ok(status),
        _ => Err(problem(answer).1),
    }
}

fn refused(kind: &str) -> Result<u16, String> {
    Err(kind.to_owned())
}

// The registry

/// What is registered is told, changed as a whole, listed and removed.
#[tokio::test]
async fn an_application_is_registered_changed_and_removed() {
    let bed = Bed::new().await;
    let [a, b] = keys();
    let first = bed.operate("PUT", "mail", Some(registration(&[&a]))).await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first = body(&first);
    assert_eq!(
        (&first["application"], &first["serverKeys"], &first["authorization"]),
        (&json!("mail"), &json!([a.public_key()]), &json!(null))
    );
    assert_eq!(first["registeredAt"], first["changedAt"]);
    bed.pass(std::time::Duration::from_secs(1));
    let same = bed.operate("PUT", "mail", Some(registration(&[&a]))).await;
    assert_eq!((same.status(), body(&same)), (StatusCode::OK, first.clone()), "nothing has changed");
    let with_mode = json!({"serverKeys": [b.public_key(), a.public_key()], "authorization": "implicit"});
    let second = bed.operate("PUT", "mail", Some(with_mode)).await;
    assert_eq!(second.status(), StatusCode::OK);
    let second = body(&second);
    assert_eq!(
        (&second["serverKeys"], &second["authorization"], &second["registeredAt"]),
        (&json!([b.public_key(), a.public_key()]), &json!("implicit"), &first["registeredAt"])
    );
    assert_ne!(second["changedAt"], second["registeredAt"]);
    assert_eq!(body(&bed.operate("GET", "mail", None).await), second);
    let listed = bed.run_supervise(&bed.operator_event("GET", APPLICATIONS, None, None)).await;
    assert_eq!(body(&listed), json!({"applications": ["mail"], "next": null}));
    for _ in 0..2 {
        assert_eq!(bed.operate("DELETE", "mail", None).await.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(problem(&bed.operate("GET", "mail", None).await), (404, "application-unknown".to_owned()));
}

/// Names come in their order, a hundred a page.
#[tokio::test]
async fn many_applications_are_listed_in_pages() {
    let bed = Bed::new().await;
    for number in 0..101 {
        let key = VapidKey::generate().unwrap();
        bed.registered(&format!("app-{number:03}"), &[&key]).await;
    }
    let page = async |query: &str| {
        let mut event = bed.operator_event("GET", APPLICATIONS, None, None);
        event["rawQueryString"] = json!(query);
        body(&bed.run_supervise(&event).await)
    };
    let first = page("").await;
    let names = first["applications"].as_array().unwrap();
    assert_eq!((names.len(), &names[0], &names[99]), (100, &json!("app-000"), &json!("app-099")));
    assert_eq!(first["next"], "app-099");
    assert_eq!(page("after=app-099").await, json!({"applications": ["app-100"], "next": null}));
    let wrong = page("after=-x").await;
    assert_eq!(wrong["type"], "urn:signalbox:problem:request-malformed");
    assert!(wrong["detail"].as_str().unwrap().starts_with("the parameter `after` must be 1 to 64"));
}

/// Bad input is told by its place and the rule, and nothing is written.
#[tokio::test]
async fn what_is_no_registration_is_refused() {
    let bed = Bed::new().await;
    let [a] = keys();
    let key = a.public_key();
    let many: Vec<_> = (0..21).map(|_| VapidKey::generate().unwrap().public_key().to_owned()).collect();
    for (asked, says) in [
        (json!({}), "serverKeys"),
        (json!({"serverKeys": []}), "`serverKeys` must have 1 to 20 keys"),
        (json!({"serverKeys": many}), "`serverKeys` must have 1 to 20 keys"),
        (json!({"serverKeys": [key, key]}), "`serverKeys` has the key at 1 twice"),
        (json!({"serverKeys": [key, "x"]}), "`serverKeys[1]` is not base64url"),
        (json!({"serverKeys": [key, "AAAA"]}), "`serverKeys[1]` must be an uncompressed P-256 point"),
        (json!({"serverKeys": [7]}), "`serverKeys[0]`"),
        (json!({"serverKeys": [key], "authorization": "never"}), "`authorization`"),
        (json!({"serverKeys": [key], "statusUrl": "https://x"}), "statusUrl"),
    ] {
        let answer = bed.operate("PUT", "mail", Some(asked.clone())).await;
        assert_eq!(problem(&answer), (400, "request-malformed".to_owned()), "{asked}");
        let detail = body(&answer)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(says), "{asked}: {detail}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let answer = bed.operate(method, "-mail", Some(registration(&[&a]))).await;
        assert_eq!(problem(&answer), (400, "application-name-invalid".to_owned()), "{method}");
    }
    assert_eq!(bed.dynamo.take_operations(), [""; 0]);
}

/// A key is one application's: who wants it is told whose it is.
#[tokio::test]
async fn a_key_of_another_application_is_refused() {
    let bed = Bed::new().await;
    let [a, b] = keys();
    bed.registered("mail", &[&a]).await;
    let answer = bed.operate("PUT", "chat", Some(registration(&[&b, &a]))).await;
    assert_eq!(problem(&answer), (409, "server-key-taken".to_owned()));
    assert_eq!(body(&answer)["detail"], "`serverKeys[1]` belongs to the application mail already");
    assert_eq!(bed.operate("GET", "chat", None).await.status(), 404);
    bed.operate("DELETE", "mail", None).await;
    bed.registered("chat", &[&b, &a]).await;
}

/// Whom API Gateway has not found to have signed is refused by the function too, without a call.
#[tokio::test]
async fn nobody_but_the_operator_is_served() {
    let bed = Bed::new().await;
    let [a] = keys();
    let nobody: [fn(&mut Value); 4] = [
        |context| drop(context.as_object_mut().unwrap().remove("authorizer")),
        |context| context["authorizer"] = json!({}),
        |context| context["authorizer"]["iam"]["userArn"] = json!(""),
        |context| context["authorizer"]["iam"]["userArn"] = json!(null),
    ];
    for (method, route) in
        [("GET", APPLICATIONS), ("GET", APPLICATION), ("PUT", APPLICATION), ("DELETE", APPLICATION)]
    {
        for change in nobody {
            let mut event = bed.operator_event(method, route, Some("mail"), Some(registration(&[&a])));
            change(&mut event["requestContext"]);
            // Whatever else it shows.
            event["headers"]["authorization"] = json!(a.authorization(PUBLIC_URL).unwrap());
            let answer = bed.run_supervise(&event).await;
            assert_eq!(problem(&answer), (403, "not-the-operator".to_owned()), "{method} {route}");
        }
    }
    assert_eq!(bed.dynamo.take_operations(), [""; 0]);
}

/// I10: two changes at once behave as if one came first, and a change that runs twice is one.
#[tokio::test]
async fn changes_that_cross_come_one_after_the_other() {
    let bed = Bed::new().await;
    let [a, b, c] = keys();
    bed.registered("mail", &[&a]).await;
    let mut pause = bed.dynamo.pause("TransactWriteItems");
    let other = async {
        pause.reached().await;
        bed.registered("mail", &[&b]).await;
        pause.go_on();
    };
    let (late, ()) = tokio::join!(bed.operate("PUT", "mail", Some(registration(&[&c]))), other);
    assert_eq!(late.status(), StatusCode::OK);
    let now = body(&bed.operate("GET", "mail", None).await);
    assert_eq!(now["serverKeys"], json!([c.public_key()]));
    // Every key but the last is free.
    bed.registered("chat", &[&a, &b]).await;

    let event = bed.operator_event("PUT", APPLICATION, Some("news"), Some(registration(&[&keys::<1>()[0]])));
    let (first, again) = (bed.run_supervise(&event).await, bed.run_supervise(&event).await);
    assert_eq!((first.status(), again.status()), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(body(&first), body(&again));
}

/// A removal that meets a change removes what there is then.
#[tokio::test]
async fn a_removal_that_meets_a_change_removes_it() {
    let bed = Bed::new().await;
    let [a, b] = keys();
    bed.registered("mail", &[&a]).await;
    let mut pause = bed.dynamo.pause("TransactWriteItems");
    let change = async {
        pause.reached().await;
        bed.registered("mail", &[&b]).await;
        pause.go_on();
    };
    let (removed, ()) = tokio::join!(bed.operate("DELETE", "mail", None), change);
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    assert_eq!(bed.operate("GET", "mail", None).await.status(), 404);
    bed.registered("chat", &[&a, &b]).await;
}

/// RFC 9110 section 13.1.1: with `If-Match` a change is made to what its sender has read, or not at all. So a key that was taken
/// out does not come back with somebody's older copy.
#[tokio::test]
async fn a_change_is_made_to_what_was_read_where_that_is_asked() {
    let bed = Bed::new().await;
    let [a, b, c] = keys();
    bed.registered("mail", &[&a]).await;
    let tag = async || {
        let answer = bed.operate("GET", "mail", None).await;
        answer.headers()["etag"].to_str().unwrap().to_owned()
    };
    let matching = async |method: &str, app: &str, tags: &str, servers: &[&VapidKey]| {
        let mut event = bed.operator_event(method, APPLICATION, Some(app), Some(registration(servers)));
        event["headers"]["if-match"] = json!(tags);
        bed.run_supervise(&event).await
    };
    let read = tag().await;
    bed.registered("mail", &[&b]).await;
    for method in ["PUT", "DELETE"] {
        let late = matching(method, "mail", &read, &[&a, &c]).await;
        assert_eq!(problem(&late), (412, "precondition-failed".to_owned()), "{method}");
        let none = matching(method, "chat", "*", &[&c]).await;
        assert_eq!(problem(&none), (412, "precondition-failed".to_owned()), "{method}");
    }
    assert_eq!(body(&bed.operate("GET", "mail", None).await)["serverKeys"], json!([b.public_key()]));
    let now = tag().await;
    let changed = matching("PUT", "mail", &format!("\"x\", {now}"), &[&c]).await;
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(changed.headers()["etag"].to_str().unwrap(), tag().await);

    // Also where the other change comes between the read and the write.
    let read = tag().await;
    let mut pause = bed.dynamo.pause("TransactWriteItems");
    let other = async {
        pause.reached().await;
        bed.registered("mail", &[&b]).await;
        pause.go_on();
    };
    let servers = [&a];
    let (late, ()) = tokio::join!(matching("PUT", "mail", &read, &servers), other);
    assert_eq!(problem(&late), (412, "precondition-failed".to_owned()));
    assert_eq!(matching("DELETE", "mail", "*", &[]).await.status(), StatusCode::NO_CONTENT);
}

/// I9, I10: a transaction that fails, or whose answer is lost, is told as 503, and its repetition comes to what was asked.
#[tokio::test]
async fn a_registration_that_failed_is_repeated() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let bed = Bed::new().await;
        let [a, b] = keys();
        let failing = |fails: bool| {
            let fault = fails.then_some(fault);
            bed.dynamo.intercept(move |operation| fault.filter(|_| operation == "TransactWriteItems"));
        };
        for (method, status) in [("PUT", StatusCode::CREATED), ("DELETE", StatusCode::NO_CONTENT)] {
            failing(true);
            let failed = bed.operate(method, "mail", Some(registration(&[&a]))).await;
            assert_eq!(problem(&failed), (503, "unavailable".to_owned()), "{method} {fault:?}");
            failing(false);
            let again = bed.operate(method, "mail", Some(registration(&[&a]))).await;
            let done_before = matches!(fault, Fault::FailsAfter) && method == "PUT";
            let expected = if done_before { StatusCode::OK } else { status };
            assert_eq!(again.status(), expected, "{method} {fault:?}");
        }
        bed.registered("chat", &[&a, &b]).await;
    }
}

/// Nothing is concluded from a table that does not answer.
#[tokio::test]
async fn the_registry_is_unavailable_where_its_table_is() {
    let bed = Bed::new().await;
    let [a] = keys();
    bed.registered("mail", &[&a]).await;
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        bed.dynamo.intercept(move |_| Some(fault));
        for method in ["GET", "PUT", "DELETE"] {
            let answer = bed.operate(method, "mail", Some(registration(&[&a]))).await;
            assert_eq!(problem(&answer), (503, "unavailable".to_owned()), "{method}");
        }
        let listed = bed.run_supervise(&bed.operator_event("GET", APPLICATIONS, None, None)).await;
        assert_eq!(listed.status(), 503);
    }
}

// Sessions

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

// Audiences

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

// Costs

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
