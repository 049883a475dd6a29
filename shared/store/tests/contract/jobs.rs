//! Jobs and their pages.

use signalbox_domain::{
    Audience, Encoding, Job, JobId, KeyId, Payload, Recipients, RefusalKind, RefusedRecipient, RequestDigest,
    Tally, Timestamp, TokenDigest, Ttl, Urgency, Who,
};
use signalbox_local_aws::Fault;
use signalbox_store::{Begun, PageState};

use crate::fixture::{Fixture, NOW, assert_unavailable, server};

const JOB: &str = "AAECAwQFBgcICQoLDA0ODw";

fn id() -> JobId {
    JOB.parse().unwrap()
}

fn to_list() -> Job {
    Job {
        id: id(),
        server: server(1),
        request: RequestDigest::of("", b"{}"),
        accepted: NOW,
        ttl: Ttl::from_secs(60),
        urgency: Urgency::High,
        topic: Some("score".parse().unwrap()),
        payload: Some(Payload::from_stored(b"to all".to_vec(), Encoding::Identity)),
        sealed_under: KeyId(9),
        recipients: Recipients::Listed { total: 600 },
        pages: 3,
    }
}

fn to_audience() -> Job {
    let audience = Audience { owner: JOB.parse().unwrap(), name: "news".parse().unwrap(), generation: 4 };
    let recipients = Recipients::Audience { audience, about: 1 << 33 };
    Job { topic: None, payload: None, recipients, ..to_list() }
}

fn tally() -> Tally {
    let refused = |who, kind| RefusedRecipient { who, kind };
    Tally {
        posted: 3,
        stored: 2,
        missed: 1,
        refused: vec![
            refused(Who::Index(7), RefusalKind::SessionEnded),
            refused(Who::Member(TokenDigest::of("t")), RefusalKind::NotValidated),
        ],
    }
}

/// R40: what was accepted is there until it is looked at no more.
#[tokio::test]
async fn a_job_survives_its_row_and_ends_after_a_week() {
    for job in [to_list(), to_audience()] {
        let on = Fixture::new().await;
        assert_eq!(on.store.begin_job(&job, NOW).await.unwrap(), Begun::New);
        on.assert_cost(&[("PutItem", 1.0)]);
        assert_eq!(on.store.job(id(), NOW).await.unwrap(), Some(job.clone()));
        on.assert_cost(&[("GetItem", 1.0)]);
        let week = Timestamp::from_secs(NOW.as_secs() + 7 * 24 * 3600);
        assert_eq!(on.store.job(id(), week).await.unwrap(), None);
        // The name is free again.
        assert_eq!(on.store.begin_job(&job, week).await.unwrap(), Begun::New);
    }
    assert_eq!(Fixture::new().await.store.job(id(), NOW).await.unwrap(), None);
}

/// R42: the first request of a name is the one that counts, also where its answer was lost.
#[tokio::test]
async fn a_job_that_was_begun_before_is_returned() {
    let on = Fixture::new().await;
    on.lose_one_answer();
    assert_unavailable(on.store.begin_job(&to_list(), NOW).await);
    let later = Job { accepted: Timestamp::from_secs(NOW.as_secs() + 1), ..to_list() };
    assert_eq!(on.store.begin_job(&later, NOW).await.unwrap(), Begun::Before(to_list()));
}

/// R41: how far a page is, whatever it was before.
#[tokio::test]
async fn a_pages_state_survives_its_row() {
    let on = Fixture::new().await;
    on.beside.begin_job(&to_list(), NOW).await.unwrap();
    let states = [
        PageState::Stored,
        PageState::LastAttempt { began: NOW, recipients: 250, stored: true },
        PageState::Done(tally()),
    ];
    for state in states {
        on.store.put_page(id(), 2, &state, NOW).await.unwrap();
        on.assert_cost(&[("PutItem", 1.0)]);
        let (job, page) = on.store.job_and_page(id(), 2, NOW).await.unwrap();
        on.assert_cost(&[("BatchGetItem", 2.0)]);
        assert_eq!((job, page), (Some(to_list()), Some(state)));
    }
    assert_eq!(on.store.job_and_page(id(), 1, NOW).await.unwrap(), (Some(to_list()), None));
    let unknown: JobId = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
    assert_eq!(on.store.job_and_page(unknown, 1, NOW).await.unwrap(), (None, None));
}

/// R41: all pages, in order, beyond DynamoDB's megabyte; of this job alone, and nothing else of it.
#[tokio::test]
async fn all_pages_are_read() {
    let on = Fixture::new().await;
    on.beside.begin_job(&to_list(), NOW).await.unwrap();
    let refused = RefusedRecipient { who: Who::Index(123_456), kind: RefusalKind::TokenUnknown };
    let long = |posted| Tally { posted, refused: vec![refused; 15_000], ..Tally::default() };
    for page in [3, 0, 11, 2] {
        let state = PageState::Done(long(u64::from(page)));
        on.beside.put_page(id(), page, &state, NOW).await.unwrap();
    }
    let pages = on.store.pages(id()).await.unwrap();
    on.assert_calls(&["Query", "Query"]);
    let posted: Vec<_> = pages
        .iter()
        .map(|page| match page {
            PageState::Done(tally) => tally.posted,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(posted, [0, 2, 3, 11]);
}

#[tokio::test]
async fn a_failure_is_never_an_absence() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let on = Fixture::new().await;
        on.fail(fault);
        assert_unavailable(on.store.begin_job(&to_list(), NOW).await);
        assert_unavailable(on.store.job(id(), NOW).await);
        assert_unavailable(on.store.job_and_page(id(), 0, NOW).await);
        assert_unavailable(on.store.put_page(id(), 0, &PageState::Stored, NOW).await);
        assert_unavailable(on.store.pages(id()).await);
    }
}
