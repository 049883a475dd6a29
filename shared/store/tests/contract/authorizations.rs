//! Whom a session is open to.

use signalbox_domain::{
    Authorization, LiveSession, PreviousToken, Session, SessionRequest, Timestamp, TokenDigest,
};
use signalbox_store::{Authorizing, Issuing};

use crate::fixture::{Fixture, NOW, TERMINAL, assert_unavailable, channel, session};
use crate::sessions::{SECOND, changed_to, ended, event, full_session, given_to, issue, provisioned};

async fn authorize(on: &Fixture, token: &str, server_number: u8, now: Timestamp) -> Authorizing {
    let given = given_to(server_number, now);
    on.store.authorize(TERMINAL, &channel(1), &TokenDigest::of(token), (None, &given)).await.unwrap()
}

fn authorized_by(session: LiveSession, server_number: u8) -> Session {
    Session::Live(LiveSession { authorization: Some(given_to(server_number, NOW)), ..session })
}

/// R15: one server is authorized, the first.
#[tokio::test]
async fn the_first_server_is_authorized() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    assert_eq!(authorize(&on, "t1", 1, NOW).await, Authorizing::Authorized);
    on.assert_cost(&[("UpdateItem", 1.0)]);
    assert_eq!(on.session(&channel(1)).await, Some(authorized_by(session("t1"), 1)));
}

/// R15, R22: the second server learns who was faster, and takes nothing from it.
#[tokio::test]
async fn a_second_server_is_not_authorized() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    authorize(&on, "t1", 1, NOW).await;
    on.calls();
    let first = authorized_by(session("t1"), 1);
    assert_eq!(authorize(&on, "t1", 2, NOW).await, Authorizing::Changed(Some(first.clone())));
    on.assert_calls(&["UpdateItem"]);
    assert_eq!(on.session(&channel(1)).await, Some(first));
}

/// R15, R22: a registered application's server is authorized in the place of whom it has seen, once, and of nobody else.
#[tokio::test]
async fn an_application_is_authorized_in_place_of_a_server() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    authorize(&on, "t1", 1, NOW).await;
    on.calls();
    let token = TokenDigest::of("t1");
    let of_application = |number| Authorization { of_application: true, ..given_to(number, NOW) };
    for (before, given, outcome) in [
        (Some(given_to(3, NOW)), of_application(2), false),
        (Some(given_to(1, NOW)), of_application(2), true),
        (Some(given_to(1, NOW)), of_application(3), false),
        (None, given_to(3, NOW), false),
        (Some(given_to(2, NOW)), given_to(3, NOW), false),
        // Where it is registered no more.
        (Some(of_application(2)), given_to(3, NOW), true),
        (Some(of_application(2)), given_to(4, NOW), false),
        (Some(given_to(3, NOW)), of_application(2), true),
    ] {
        let rights = (before.as_ref(), &given);
        let authorizing = on.store.authorize(TERMINAL, &channel(1), &token, rights).await.unwrap();
        assert_eq!(authorizing == Authorizing::Authorized, outcome, "{before:?} {given:?}");
        on.assert_calls(&["UpdateItem"]);
    }
    let Some(Session::Live(now)) = on.session(&channel(1)).await else { panic!("ended") };
    assert_eq!(now.authorization, Some(of_application(2)));
}

/// I10: a second run finds its own server authorized, since the first.
#[tokio::test]
async fn a_server_is_authorized_once() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    on.lose_one_answer();
    let (token, given) = (TokenDigest::of("t1"), given_to(1, NOW));
    assert_unavailable(on.store.authorize(TERMINAL, &channel(1), &token, (None, &given)).await);
    let mine = authorized_by(session("t1"), 1);
    let again = authorize(&on, "t1", 1, NOW.plus(SECOND)).await;
    assert_eq!(again, Authorizing::Changed(Some(mine.clone())));
    assert_eq!(on.session(&channel(1)).await, Some(mine));
}

/// R14: a token that is not the session's authorizes nobody.
#[tokio::test]
async fn another_token_authorizes_nobody() {
    let on = provisioned().await;
    on.given_session(&channel(1), &session("t1")).await;
    let unchanged = Session::Live(session("t1"));
    assert_eq!(authorize(&on, "t9", 1, NOW).await, Authorizing::Changed(Some(unchanged.clone())));
    assert_eq!(on.session(&channel(1)).await, Some(unchanged));
}

/// R14: the previous token counts for its overlap and not a millisecond longer, as the domain's rule has it.
#[tokio::test]
async fn the_previous_token_authorizes_in_its_overlap_alone() {
    let until = NOW.plus(SECOND);
    let last = Timestamp::from_millis(until.as_millis() - 1);
    let previous = Some(PreviousToken { token: TokenDigest::of("t1"), issued: NOW, until });
    let renewed = LiveSession { previous, ..session("t2") };
    for (now, counts) in [(last, true), (until, false)] {
        let on = provisioned().await;
        on.given_session(&channel(1), &renewed).await;
        assert_eq!(renewed.corresponds(&TokenDigest::of("t1"), now), counts);
        let outcome = authorize(&on, "t1", 1, now).await;
        assert_eq!(outcome == Authorizing::Authorized, counts, "{outcome:?}");
        if !counts {
            assert_eq!(outcome, Authorizing::Changed(Some(Session::Live(renewed.clone()))));
        }
    }
}

/// R36: after `unregister` nobody is authorized, whoever was faster.
#[tokio::test]
async fn an_ended_session_authorizes_nobody() {
    let on = provisioned().await;
    on.given_session(&channel(1), &full_session()).await;
    on.beside.end_session(TERMINAL, &channel(1), &event("unregister"), NOW).await.unwrap();
    for token in ["t1", "t2"] {
        assert_eq!(authorize(&on, token, 1, NOW).await, Authorizing::Changed(Some(ended(4))));
    }
    assert_eq!(on.session(&channel(1)).await, Some(ended(4)));
}

#[tokio::test]
async fn a_session_that_never_was_authorizes_nobody_and_is_not_made() {
    let on = Fixture::new().await;
    assert_eq!(authorize(&on, "t1", 1, NOW).await, Authorizing::Changed(None));
    on.assert_calls(&["UpdateItem"]);
    assert!(on.is_empty("terminals").await);
}

/// R15, R22: an authorization that was answered between a request's read and its write is not lost to it.
#[tokio::test]
async fn an_authorization_is_not_lost_to_a_renewal() {
    let on = provisioned().await;
    let seen = session("t1");
    on.given_session(&channel(1), &seen).await;
    let server = full_session().authorization.unwrap().server;
    assert_eq!(authorize(&on, "t1", 1, NOW).await, Authorizing::Authorized);
    let renewed =
        Session::issue(Some(&Session::Live(seen.clone())), &seen.request, TokenDigest::of("t2"), NOW);
    let issuing = issue(&on, Some(&Session::Live(seen)), &renewed).await;
    let Some(Session::Live(now)) = changed_to(issuing) else { panic!("ended") };
    assert_eq!(now.authorization.unwrap().server, server);

    // Nor that it became its application's as a whole.
    let application = Authorization { of_application: true, ..given_to(1, NOW) };
    let rights = (now.authorization.as_ref(), &application);
    let token = TokenDigest::of("t1");
    let authorizing = on.store.authorize(TERMINAL, &channel(1), &token, rights).await.unwrap();
    assert_eq!(authorizing, Authorizing::Authorized);
    let seen = Session::Live(now);
    let renewed = Session::issue(Some(&seen), &SessionRequest::default(), TokenDigest::of("t2"), NOW);
    let Some(Session::Live(now)) = changed_to(issue(&on, Some(&seen), &renewed).await) else {
        panic!("ended")
    };
    assert_eq!(now.authorization, Some(application));
    // Read again, it goes on with the authorization.
    let renewed = Session::issue(Some(&Session::Live(now.clone())), &now.request, TokenDigest::of("t2"), NOW);
    assert_eq!(issue(&on, Some(&Session::Live(now.clone())), &renewed).await, Issuing::Issued);
    let Some(Session::Live(kept)) = on.session(&channel(1)).await else { panic!("ended") };
    assert_eq!(kept.authorization, Some(application));
}
