use std::sync::Arc;

use super::*;

fn pace(count: u64, at_most: Duration, rate: Option<&str>) -> Pace {
    let rate = rate.map(|rate| rate.parse().unwrap());
    Pace::start(Bounds { count, at_most, rate }).unwrap()
}

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_closed_loop_has_so_many_turns_and_no_moments() {
    let pace = pace(3, LONG, None);
    for _ in 0..3 {
        let before = Instant::now();
        assert!(pace.next().await.unwrap().begin() >= before);
    }
    assert!(pace.next().await.is_none());
    assert_eq!((pace.kept(1), pace.waits()), (None, vec![]));
}

#[tokio::test]
async fn no_turn_begins_before_its_moment_and_all_count_from_it() {
    let pace = pace(20, LONG, Some("1000"));
    for number in 0..20 {
        let mut turn = pace.next().await.unwrap();
        let moment = pace.began + Duration::from_millis(number);
        assert!(Instant::now() >= moment);
        assert_eq!(turn.begin(), moment);
    }
    assert!(pace.next().await.is_none());
    let kept = pace.kept(1).unwrap();
    assert_eq!((kept.due, kept.begun, kept.missed, kept.most_under_way, kept.bound), (20, 20, 0, 1, 1));
    assert!(kept.begun_per_second <= 1000.0, "{kept:?}");
    assert_eq!(pace.waits().len(), 20);
}

/// One worker, and something that takes as long as thirty moments: those that came meanwhile begin late, and none is left out.
#[tokio::test]
async fn what_waits_for_room_is_late() {
    let pace = pace(60, LONG, Some("1000"));
    let mut number = 0;
    while let Some(mut turn) = pace.next().await {
        assert_eq!(turn.begin(), pace.began + Duration::from_millis(number));
        if number == 10 {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        number += 1;
    }
    let kept = pace.kept(1).unwrap();
    assert_eq!((kept.due, kept.begun, kept.missed), (60, 60, 0));
    // Number 11 is 29 ms late, 12 is 28, and so on.
    assert!(kept.late >= 27, "{kept:?}");
    assert!(pace.waits()[11] >= 29_000);
}

#[tokio::test]
async fn what_finds_no_room_within_the_time_is_missed() {
    let pace = pace(1000, Duration::from_millis(100), Some("500"));
    let mut turn = pace.next().await.unwrap();
    turn.begin();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(turn);
    assert!(pace.is_over());
    assert!(pace.next().await.is_none());
    let kept = pace.kept(1).unwrap();
    assert_eq!((kept.due, kept.begun, kept.missed), (50, 1, 49));
}

#[tokio::test]
async fn a_turn_that_never_begins_is_missed() {
    let pace = pace(2, LONG, Some("1000"));
    drop(pace.next().await);
    pace.next().await.unwrap().begin();
    let kept = pace.kept(1).unwrap();
    assert_eq!((kept.due, kept.begun, kept.missed), (2, 1, 1));
}

/// Nobody waits for an answer: each is begun at its moment, and all are under way together.
#[tokio::test]
async fn so_many_are_under_way_at_a_time() {
    let pace = Arc::new(pace(40, LONG, Some("1000")));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let pace = pace.clone();
        tasks.spawn(async move {
            while let Some(mut turn) = pace.next().await {
                turn.begin();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    tasks.join_all().await;
    let kept = pace.kept(8).unwrap();
    assert_eq!((kept.begun, kept.missed, kept.most_under_way, kept.bound), (40, 0, 8, 8));
}
