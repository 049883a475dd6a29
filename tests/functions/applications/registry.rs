//! What an operator does, and who else does not.

use lambda_http::http::StatusCode;
use serde_json::{Value, json};
use signalbox::client::VapidKey;
use signalbox_local_aws::Fault;

use super::{keys, registration};
use crate::bed::operator::{APPLICATION, APPLICATIONS};
use crate::bed::{Bed, PUBLIC_URL, body, problem};

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
