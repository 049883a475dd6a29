use std::time::Duration;

use serde_json::json;

use super::{LINKS, accepted, counts, job, subscriber, to_all};
use crate::bed::many::Ask;
use crate::bed::{Bed, body, problem};

const ROUTE: &str = "/v1/notifications/{job}";

/// R41: a job can be followed page by page, and its counts are exact when it is done, also where pages run twice.
#[tokio::test]
async fn r41_a_job_is_followed() {
    let bed = Bed::new().await;
    let token = subscriber(&bed, LINKS[0]).await.1;
    let told = accepted(&bed, to_all(&vec![token; 600], 0)).await;
    let work = bed.paged();
    assert_eq!(work.len(), 3, "250, 250 and 100");
    for (done, expected) in
        [(0, [0, 0, 0, 0, 0, 600]), (1, [250, 0, 0, 0, 0, 350]), (2, [350, 0, 0, 0, 0, 250])]
    {
        let progress = bed.progress(job(&told)).await;
        assert_eq!((&progress["state"], counts(&progress)), (&json!("running"), expected));
        let next = [0, 2, 1][done];
        assert!(bed.page(&work[next], 1).await);
        assert!(bed.page(&work[next], 2).await);
    }
    let progress = bed.progress(job(&told)).await;
    assert_eq!((&progress["state"], counts(&progress)), (&json!("done"), [600, 0, 0, 0, 0, 0]));
    assert_eq!(bed.peers.take(LINKS[0].id).len(), 600);
}

/// R41: the refused ones come in pages of a thousand.
#[tokio::test]
async fn r41_refusals_are_paged() {
    let bed = Bed::new().await;
    let told = accepted(&bed, to_all(&vec!["forged".to_owned(); 1_500], 0)).await;
    assert_eq!(told["refused"].as_array().unwrap().len(), 1_500);
    bed.carry_out().await;
    let page = async |query: &str| {
        body(
            &bed.fan_out(Ask { parameter: Some(("job", job(&told))), query, ..Ask::new("GET", ROUTE) }).await,
        )
    };
    let first = page("").await;
    assert_eq!((first["dead"].as_array().unwrap().len(), &first["next"]), (1_000, &json!(1_000)));
    let second = page("after=1000").await;
    assert_eq!((second["dead"].as_array().unwrap().len(), &second["next"]), (500, &json!(null)));
    assert_eq!((&first["dead"][999], &second["dead"][0]), (&json!(999), &json!(1_000)));
    let wrong = Ask { parameter: Some(("job", job(&told))), query: "wait=long", ..Ask::new("GET", ROUTE) };
    assert_eq!(problem(&bed.fan_out(wrong).await), (400, "request-malformed".to_owned()));
}

/// R41: who waits is answered when the job is done, or when the time is up.
#[tokio::test]
async fn r41_a_long_poll_ends_with_the_job() {
    let bed = Bed::new().await;
    let token = subscriber(&bed, LINKS[0]).await.1;
    let told = accepted(&bed, to_all(&[token], 60)).await;
    let work = bed.paged();
    let ask = || Ask { parameter: Some(("job", job(&told))), query: "wait=60", ..Ask::new("GET", ROUTE) };
    let later = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(bed.page(&work[0], 1).await);
    };
    // The bed's clock stands still, so that only the job's end can answer.
    let (answer, ()) = tokio::join!(bed.fan_out(ask()), later);
    assert_eq!(body(&answer)["state"], "done");
}

#[tokio::test]
async fn an_unknown_job_is_unknown() {
    let bed = Bed::new().await;
    for id in ["AAAAAAAAAAAAAAAAAAAAAA", "x"] {
        let ask = Ask { parameter: Some(("job", id)), ..Ask::new("GET", ROUTE) };
        assert_eq!(problem(&bed.fan_out(ask).await), (404, "job-unknown".to_owned()));
    }
}
