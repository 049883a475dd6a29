//! Audiences and their members.

use signalbox_domain::{Addressee, Audience, AudienceName, HashRange, Owner, TerminalId, TokenDigest};
use signalbox_local_aws::{Call, Fault};
use signalbox_store::Size;

use crate::fixture::{Fixture, assert_unavailable, channel, server};

fn owner() -> Owner {
    Owner::of(&server(1))
}

fn name() -> AudienceName {
    "news".parse().unwrap()
}

/// The `index`th of many terminals that are spread as hashes are.
fn terminal(index: u32) -> TerminalId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&index.wrapping_mul(0x9e37_79b1).to_be_bytes());
    TerminalId::from_bytes(id)
}

fn member(index: u32) -> Addressee {
    Addressee { terminal: terminal(index), channel: channel(1), token: TokenDigest::of(&format!("t{index}")) }
}

async fn with_members(count: u32) -> (Fixture, Audience) {
    let on = Fixture::new().await;
    let audience = on.beside.open_audience(owner(), &name()).await.unwrap();
    let members: Vec<_> = (0..count).map(member).collect();
    on.beside.add_members(&audience, &members).await.unwrap();
    (on, audience)
}

async fn members(on: &Fixture, audience: &Audience) -> Vec<Addressee> {
    on.beside.members(audience, HashRange::part(0, 1)).await.unwrap()
}

/// Opened twice it is one; ended and opened anew it is another.
#[tokio::test]
async fn an_audience_has_generations() {
    let on = Fixture::new().await;
    assert_eq!(on.store.audience(owner(), &name()).await.unwrap(), None);
    on.assert_cost(&[("GetItem", 1.0)]);
    let first = on.store.open_audience(owner(), &name()).await.unwrap();
    on.assert_cost(&[("UpdateItem", 1.0)]);
    assert_eq!(on.store.open_audience(owner(), &name()).await.unwrap(), first);
    assert_eq!(on.store.audience(owner(), &name()).await.unwrap(), Some(first.clone()));
    assert_eq!(on.store.audience(Owner::of(&server(2)), &name()).await.unwrap(), None);
    on.calls();
    assert_eq!(on.store.end_audience(owner(), &name()).await.unwrap(), Some(first.clone()));
    on.assert_cost(&[("UpdateItem", 1.0)]);
    assert_eq!(on.store.end_audience(owner(), &name()).await.unwrap(), None);
    assert_eq!(on.store.audience(owner(), &name()).await.unwrap(), None);
    let second = on.store.open_audience(owner(), &name()).await.unwrap();
    assert_eq!((first.generation, second.generation), (0, 1));
}

/// R40, R42: each member is in just one part, and the same part each time.
#[tokio::test]
async fn members_are_read_by_parts() {
    let (on, audience) = with_members(300).await;
    for of in [1, 2, 3, 8, 64] {
        let mut seen = Vec::new();
        for index in 0..of {
            seen.extend(on.store.members(&audience, HashRange::part(index, of)).await.unwrap());
        }
        assert!(seen.is_sorted_by_key(|member| *member.terminal.as_bytes()), "{of}");
        seen.sort_by_key(|member| *member.token.as_bytes());
        let mut expected: Vec<_> = (0..300).map(member).collect();
        expected.sort_by_key(|member| *member.token.as_bytes());
        assert_eq!(seen, expected, "{of}");
    }
    on.calls();
    on.store.members(&audience, HashRange::part(5, 8)).await.unwrap();
    on.assert_calls(&["Query"]);
    on.store.members(&audience, HashRange::part(0, 1)).await.unwrap();
    on.assert_calls(&["Query"; 4]);
}

/// Adding costs a call for every 25; of one that is there its token is replaced.
#[tokio::test]
async fn a_member_is_added_once() {
    let (on, audience) = with_members(0).await;
    let thirty: Vec<_> = (0..30).map(member).collect();
    on.store.add_members(&audience, &thirty).await.unwrap();
    on.assert_cost(&[("BatchWriteItem", 25.0), ("BatchWriteItem", 5.0)]);
    let newer = Addressee { token: TokenDigest::of("newer"), ..member(3) };
    on.store.add_members(&audience, &[newer]).await.unwrap();
    let kept = members(&on, &audience).await;
    assert_eq!(kept.len(), 30);
    assert!(kept.contains(&newer) && !kept.contains(&member(3)));
    let session = |index| (terminal(index), channel(1));
    on.store.remove_members(&audience, &[session(3), session(1_000)]).await.unwrap();
    assert_eq!(members(&on, &audience).await.len(), 29);
}

/// A member whose token was dead stays, if it has got another one meanwhile.
#[tokio::test]
async fn a_dead_member_is_dropped_by_its_token() {
    let (on, audience) = with_members(2).await;
    let dead = Addressee { token: TokenDigest::of("older"), ..member(0) };
    on.store.drop_member(&audience, &dead).await.unwrap();
    on.assert_calls(&["DeleteItem"]);
    assert_eq!(members(&on, &audience).await.len(), 2);
    on.store.drop_member(&audience, &member(0)).await.unwrap();
    on.assert_cost(&[("DeleteItem", 1.0)]);
    assert_eq!(members(&on, &audience).await, [member(1)]);
    on.store.drop_member(&audience, &member(0)).await.unwrap();
}

/// Counted to the last, or estimated from what one call of each partition counts.
#[tokio::test]
async fn members_are_counted() {
    let (on, audience) = with_members(120).await;
    for estimate in [false, true] {
        let size = on.store.count_members(&audience, estimate).await.unwrap();
        assert_eq!(size, Size { members: 120, exact: true });
        on.assert_calls(&["Query"; 4]);
    }
}

/// Beyond a few hundred members in each partition an estimate reads no more of them, and is near where ids are spread as chance
/// spreads them.
#[tokio::test]
async fn an_estimate_reads_a_sample() {
    const MEMBERS: u32 = 4_000;
    let on = Fixture::new().await;
    let audience = on.beside.open_audience(owner(), &name()).await.unwrap();
    let by_chance = |index: u32| {
        let digest = TokenDigest::of(&format!("terminal {index}"));
        let id: [u8; 16] = digest.as_bytes()[..16].try_into().unwrap();
        Addressee { terminal: TerminalId::from_bytes(id), ..member(index) }
    };
    let members: Vec<_> = (0..MEMBERS).map(by_chance).collect();
    on.beside.add_members(&audience, &members).await.unwrap();
    let size = on.store.count_members(&audience, true).await.unwrap();
    let calls = on.calls();
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert!(!size.exact && size.members.abs_diff(u64::from(MEMBERS)) < u64::from(MEMBERS) / 20, "{size:?}");
    let exact = on.store.count_members(&audience, false).await.unwrap();
    assert_eq!(exact, Size { members: u64::from(MEMBERS), exact: true });
    let units = |calls: &[Call]| calls.iter().map(|call| call.units).sum::<f64>();
    let all = units(&on.calls());
    assert!(units(&calls) < all * 0.6, "{} of {all}", units(&calls));
}

/// Beyond a megabyte in each partition an estimate is near, and a count exact.
#[tokio::test]
async fn a_large_audience_is_estimated() {
    const MEMBERS: u32 = 45_000;
    let (on, audience) = with_members(MEMBERS).await;
    let exact = on.store.count_members(&audience, false).await.unwrap();
    assert_eq!(exact, Size { members: u64::from(MEMBERS), exact: true });
    assert!(on.calls().len() > 4);
    let size = on.store.count_members(&audience, true).await.unwrap();
    on.assert_calls(&["Query"; 4]);
    assert!(!size.exact && size.members.abs_diff(u64::from(MEMBERS)) < 1_000, "{size:?}");
}

/// What an audience leaves behind is removed, little by little; the one made anew is left alone.
#[tokio::test]
async fn members_of_an_audience_that_has_ended_are_swept() {
    let (on, audience) = with_members(40).await;
    on.beside.end_audience(owner(), &name()).await.unwrap();
    let anew = on.beside.open_audience(owner(), &name()).await.unwrap();
    on.beside.add_members(&anew, &[member(1)]).await.unwrap();
    assert!(!on.store.sweep_members(&audience).await.unwrap());
    assert!(members(&on, &audience).await.is_empty());
    assert_eq!(members(&on, &anew).await, [member(1)]);
}

#[tokio::test]
async fn a_failure_is_never_an_absence() {
    for fault in [Fault::Throttled, Fault::FailsBefore, Fault::FailsAfter] {
        let (on, audience) = with_members(1).await;
        on.fail(fault);
        assert_unavailable(on.store.open_audience(owner(), &name()).await);
        assert_unavailable(on.store.audience(owner(), &name()).await);
        assert_unavailable(on.store.end_audience(owner(), &name()).await);
        assert_unavailable(on.store.add_members(&audience, &[member(1)]).await);
        assert_unavailable(on.store.remove_members(&audience, &[(terminal(1), channel(1))]).await);
        assert_unavailable(on.store.drop_member(&audience, &member(1)).await);
        assert_unavailable(on.store.members(&audience, HashRange::part(0, 1)).await);
        assert_unavailable(on.store.count_members(&audience, true).await);
        assert_unavailable(on.store.sweep_members(&audience).await);
    }
}
