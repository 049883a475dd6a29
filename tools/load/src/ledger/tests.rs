use proptest::prelude::*;

use super::*;

fn passed(verdict: &Verdict) -> bool {
    verdict.faults(Tolerance::default()).is_empty()
}

/// What a service does with accepted messages of one session: numbers and versions, in the order of arrival.
type Delivery = Vec<(u64, u64)>;

/// Posts so many, all accepted, and lets these arrive.
fn verdict_of(posted: u64, delivery: &Delivery, expectation: Expectation) -> Verdict {
    let mut ledger = Ledger::default();
    for now in 0..posted {
        let number = ledger.post(now);
        ledger.answer(number, Answer::Accepted, now + 1);
    }
    for &(number, version) in delivery {
        ledger.arrive(number, version, posted + 10);
    }
    assert_eq!(ledger.arrived() + ledger.owed(), posted);
    let mut verdict = Verdict::default();
    verdict.add(&ledger, expectation);
    verdict
}

/// Each once, in order, under versions of their own.
fn faithful(posted: u64) -> Delivery {
    (0..posted).map(|number| (number, 1000 + number)).collect()
}

proptest! {
    #[test]
    fn a_faithful_service_passes(posted in 0_u64..200) {
        let verdict = verdict_of(posted, &faithful(posted), Expectation::Each);
        prop_assert!(passed(&verdict));
        prop_assert_eq!((verdict.accepted, verdict.arrived), (posted, posted));
    }

    #[test]
    fn repeats_under_the_same_version_are_no_fault(posted in 1_u64..100, from: prop::sample::Index, times in 1_usize..4) {
        let mut delivery = faithful(posted);
        let again = delivery[from.index(delivery.len())..].to_vec();
        for _ in 0..times {
            delivery.extend(&again);
        }
        let verdict = verdict_of(posted, &delivery, Expectation::Each);
        prop_assert!(passed(&verdict), "{:?}", verdict);
        prop_assert_eq!(verdict.repeated, (again.len() * times) as u64);
    }

    #[test]
    fn a_loss_is_found(posted in 1_u64..100, at: prop::sample::Index) {
        let mut delivery = faithful(posted);
        delivery.remove(at.index(delivery.len()));
        let verdict = verdict_of(posted, &delivery, Expectation::Each);
        prop_assert!(!passed(&verdict));
        prop_assert_eq!(verdict, Verdict { posted, accepted: posted, arrived: posted - 1, lost: 1, ..Verdict::default() });
    }

    #[test]
    fn a_double_under_another_version_is_found(posted in 1_u64..100, which: prop::sample::Index, at: prop::sample::Index) {
        let mut delivery = faithful(posted);
        let which = which.index(delivery.len());
        let place = which + 1 + at.index(delivery.len() - which);
        delivery.insert(place, (which as u64, 7));
        let verdict = verdict_of(posted, &delivery, Expectation::Each);
        prop_assert!(!passed(&verdict));
        let arrived = posted;
        prop_assert_eq!(verdict, Verdict { posted, accepted: posted, arrived, doubled: 1, ..Verdict::default() });
    }

    #[test]
    fn a_swap_is_found(posted in 2_u64..100, one: prop::sample::Index, other: prop::sample::Index) {
        let mut delivery = faithful(posted);
        let (one, other) = (one.index(delivery.len()), other.index(delivery.len()));
        prop_assume!(one != other);
        delivery.swap(one, other);
        let verdict = verdict_of(posted, &delivery, Expectation::Each);
        prop_assert!(!passed(&verdict));
        prop_assert!(verdict.out_of_order >= 1);
        prop_assert_eq!((verdict.lost, verdict.doubled), (0, 0));
    }

    #[test]
    fn a_version_that_two_share_is_found(posted in 2_u64..100, one: prop::sample::Index, other: prop::sample::Index) {
        let mut delivery = faithful(posted);
        let (one, other) = (one.index(delivery.len()), other.index(delivery.len()));
        prop_assume!(one != other);
        delivery[one].1 = delivery[other].1;
        let verdict = verdict_of(posted, &delivery, Expectation::Each);
        prop_assert!(!passed(&verdict));
        prop_assert_eq!(verdict.shared_versions, 1);
    }

    /// Whatever arrives and however often: the counts add up, and nothing is passed that is not each once in order.
    #[test]
    fn the_counts_add_up(posted in 0_u64..20, delivery in prop::collection::vec((0_u64..25, 0_u64..40), 0..60)) {
        let verdict = verdict_of(posted, &delivery, Expectation::Each);
        prop_assert_eq!(verdict.arrived + verdict.lost, posted);
        let invented = verdict.unwanted;
        prop_assert_eq!(verdict.arrived + verdict.repeated + verdict.doubled + invented, delivery.len() as u64);
        if passed(&verdict) {
            let mut firsts: Delivery = vec![];
            for &arrival in &delivery {
                if !firsts.contains(&arrival) {
                    firsts.push(arrival);
                }
            }
            prop_assert_eq!(firsts.iter().map(|first| first.0).collect::<Vec<_>>(), (0..posted).collect::<Vec<_>>());
        }
    }
}

#[test]
fn with_ttl_0_a_missing_message_is_no_loss_but_a_double_is_one() {
    let verdict = verdict_of(3, &vec![(0, 10), (2, 12)], Expectation::Any);
    assert!(passed(&verdict));
    assert_eq!(verdict.not_delivered, 1);
    assert!(!passed(&verdict_of(3, &vec![(0, 10), (0, 11)], Expectation::Any)));
    assert!(!passed(&verdict_of(3, &vec![(1, 10), (0, 11)], Expectation::Any)));
}

#[test]
fn with_ttl_0_nothing_may_reach_who_was_absent() {
    assert!(passed(&verdict_of(3, &vec![], Expectation::None)));
    assert_eq!(verdict_of(3, &vec![(1, 1)], Expectation::None).unwanted, 1);
}

#[test]
fn of_each_topic_the_last_must_arrive() {
    // Topics take turns: 0 2 4 and 1 3.
    assert!(passed(&verdict_of(5, &vec![(4, 1), (3, 2)], Expectation::LastOfTopic(2))));
    let verdict = verdict_of(5, &vec![(4, 1), (1, 2)], Expectation::LastOfTopic(2));
    assert_eq!((verdict.lost, verdict.not_delivered), (1, 2));
}

#[test]
fn a_post_without_a_clear_answer_may_have_replaced_the_one_before() {
    for (answer, lost) in [(Answer::Unknown, 0), (Answer::Refused, 1)] {
        let mut ledger = Ledger::default();
        for answer in [Answer::Accepted, answer] {
            let number = ledger.post(0);
            ledger.answer(number, answer, 0);
        }
        let mut verdict = Verdict::default();
        verdict.add(&ledger, Expectation::LastOfTopic(1));
        assert_eq!(verdict.lost, lost, "{answer:?}");
    }
}

#[test]
fn what_was_not_accepted_need_not_arrive_and_may_where_it_is_unclear() {
    let mut ledger = Ledger::default();
    for answer in [Answer::Refused, Answer::Unknown] {
        let number = ledger.post(0);
        ledger.answer(number, answer, 1);
    }
    assert_eq!(ledger.owed(), 0);
    ledger.arrive(1, 5, 2);
    let mut verdict = Verdict::default();
    verdict.add(&ledger, Expectation::Each);
    assert_eq!((verdict.accepted, verdict.arrived, verdict.arrived_unaccepted), (0, 1, 1));
    assert_eq!(verdict.faults(Tolerance::default()), Faults::from([("refused", 1), ("unclear", 1)]));
    let tolerant = Tolerance { refusals: true, ..Tolerance::default() };
    assert_eq!(verdict.faults(tolerant), Faults::new());
    // That it was refused is tolerated, and that it comes all the same is not.
    ledger.arrive(0, 6, 3);
    let mut verdict = Verdict::default();
    verdict.add(&ledger, Expectation::Each);
    assert_eq!(verdict.faults(tolerant), Faults::from([("unwanted", 1), ("out_of_order", 1)]));
}

#[test]
fn a_repeat_is_a_fault_where_each_may_come_once() {
    let verdict = verdict_of(2, &vec![(0, 10), (1, 11), (1, 11)], Expectation::Each);
    assert!(passed(&verdict));
    let once = Tolerance { once: true, ..Tolerance::default() };
    assert_eq!(verdict.faults(once), Faults::from([("repeated", 1)]));
}

#[test]
fn what_arrives_before_its_answer_is_not_owed() {
    let mut ledger = Ledger::default();
    let number = ledger.post(100);
    assert_eq!(ledger.arrive(number, 1, 150), Arrival::First);
    ledger.answer(number, Answer::Accepted, 180);
    assert_eq!(ledger.owed(), 0);
    assert_eq!(ledger.arrival_times(), [50]);
    assert_eq!(ledger.answer_times(), [80]);
    assert_eq!(ledger.delivery_times(), [0]);
}

#[test]
fn a_delivery_takes_its_time_from_the_answer_on() {
    let mut ledger = Ledger::default();
    for answer in [Answer::Accepted, Answer::Unknown, Answer::Accepted] {
        let number = ledger.post(100);
        ledger.answer(number, answer, 180);
    }
    ledger.arrive(0, 1, 200);
    ledger.arrive(1, 2, 200);
    assert_eq!(ledger.delivery_times(), [20]);
    assert_eq!([0, 1, 2, 3].map(|number| ledger.arrival_time(number)), [Some(100), Some(100), None, None]);
}

#[test]
fn order_is_not_judged_where_live_messages_may_overtake() {
    let mut ledger = Ledger::default();
    for _ in 0..2 {
        let number = ledger.post(0);
        ledger.answer(number, Answer::Accepted, 0);
    }
    ledger.leave_order_unchecked();
    ledger.arrive(1, 1, 1);
    ledger.arrive(0, 2, 1);
    let mut verdict = Verdict::default();
    verdict.add(&ledger, Expectation::Each);
    assert!(passed(&verdict));
    assert_eq!(verdict.order_unchecked, 1);
}
