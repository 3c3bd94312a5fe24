use super::*;
use proptest::prelude::*;
use std::collections::HashSet;

fn sizes(spares: usize, most: usize) -> Sizes {
    Sizes { spares, most, starting: 4, queue: 3, idle_ms: 100, patient: false }
}

#[test]
fn assigns_the_most_recently_used_isolate() {
    let mut pool = Pool::new(sizes(2, 4));
    assert_eq!(pool.open(), [Step::Start, Step::Start]);
    pool.started(1, 0);
    pool.started(2, 0);
    assert_eq!(pool.request("a", false), [Step::Assign("a", 2), Step::Start]);
}

#[test]
fn opens_one_isolate_even_without_spares() {
    let mut pool: Pool<&str> = Pool::new(sizes(0, 4));
    assert_eq!(pool.open(), [Step::Start]);
    assert_eq!(pool.open(), []);
}

#[test]
fn queues_up_to_the_limit_and_serves_calls_of_functions_first() {
    let mut pool = Pool::new(sizes(0, 1));
    assert_eq!(pool.request("a", false), [Step::Start]);
    assert_eq!(pool.request("b", false), []);
    assert_eq!(pool.request("c", false), []);
    assert_eq!(pool.request("d", false), [Step::Overloaded("d")]);
    assert_eq!(pool.request("call", true), []);
    assert_eq!(pool.started(7, 0), [Step::Assign("call", 7)]);
    assert_eq!(pool.released(7, 0), [Step::Assign("a", 7)]);
}

#[test]
fn a_failed_start_answers_one_and_stops_the_spares() {
    let mut pool = Pool::new(sizes(2, 4));
    assert_eq!(pool.request("a", false).len(), 3);
    assert_eq!(pool.not_started(), [Step::NotStarted("a")]);
    assert_eq!(pool.not_started(), []);
    assert_eq!(pool.fill(), []);
    assert_eq!(pool.started(1, 0), [Step::Start]);
}

#[test]
fn a_spent_isolate_is_replaced_and_a_lost_one_too() {
    let mut pool = Pool::new(sizes(1, 2));
    pool.open();
    pool.started(1, 0);
    pool.request("a", false);
    pool.started(2, 0);
    pool.request("b", false);
    assert_eq!(pool.spent(1), [Step::Retire(1), Step::Start]);
    assert_eq!(pool.lost(), []);
    assert_eq!(pool.counts(), Counts { starting: 1, idle: 0, busy: 0, queued: 0 });
}

#[test]
fn a_shared_isolate_is_used_last_and_kept_longest() {
    let mut pool = Pool::new(sizes(0, 4));
    pool.open();
    pool.share(1);
    pool.started(1, 0);
    assert_eq!(pool.request("a", false), [Step::Assign("a", 1)]);
    assert_eq!(pool.request("b", false), [Step::Start]);
    assert_eq!(pool.started(2, 0), [Step::Assign("b", 2)]);
    pool.released(2, 0);
    pool.released(1, 50);
    assert_eq!(pool.request("c", false), [Step::Assign("c", 2)]);
    pool.released(2, 60);
    pool.grow(1);
    assert_eq!(pool.expire(1000), [Step::Retire(2)]);
    assert_eq!(pool.expire(1000), []);
}

#[test]
fn who_cannot_have_the_shared_isolate_goes_first_for_the_next() {
    let mut pool = Pool::new(sizes(0, 2));
    pool.open();
    pool.share(1);
    pool.started(1, 0);
    assert_eq!(pool.request("a", false), [Step::Assign("a", 1)]);
    assert_eq!(pool.requeue("a", false), []);
    assert_eq!(pool.counts(), Counts { starting: 0, idle: 0, busy: 1, queued: 1 });
    assert_eq!(pool.fill(), [Step::Start]);
    assert_eq!(pool.released(1, 0), [Step::Assign("a", 1)]);
    pool.started(2, 0);
    assert_eq!(pool.requeue("a", false), [Step::Assign("a", 2)]);
}

#[test]
fn a_shared_isolate_that_is_gone_is_counted_no_more() {
    let mut pool = Pool::new(sizes(0, 2));
    pool.open();
    pool.share(1);
    pool.started(1, 0);
    assert_eq!(pool.evicted(1), []);
    assert_eq!(pool.counts(), Counts::default());
    assert_eq!(pool.request("a", false), [Step::Start]);
    pool.started(2, 0);
    assert_eq!(pool.requeue("a", false), []);
    assert_eq!(pool.evicted(2), [Step::Start]);
    pool.close();
    assert_eq!(pool.requeue("b", false), [Step::Closed("b")]);
}

#[test]
fn closing_retires_now_or_on_release() {
    let mut pool = Pool::new(sizes(0, 1));
    pool.open();
    pool.started(1, 0);
    pool.request("a", false);
    pool.request("b", false);
    assert_eq!(pool.close(), [Step::Closed("b")]);
    assert_eq!(pool.request("c", false), [Step::Closed("c")]);
    assert_eq!(pool.released(1, 0), [Step::Retire(1)]);
}

#[test]
fn idle_isolates_beyond_the_spares_expire_oldest_first() {
    let mut pool = Pool::new(sizes(1, 4));
    for (name, isolate) in [("a", 1), ("b", 2)] {
        pool.request(name, false);
        pool.started(isolate, 0);
    }
    pool.started(3, 0);
    pool.released(1, 50);
    pool.released(2, 60);
    assert_eq!(pool.expire(99), []);
    assert_eq!(pool.expire(155), [Step::Retire(3), Step::Retire(1)]);
    assert_eq!(pool.expire(1000), []);
}

#[test]
fn an_isolate_rests_when_nobody_wanted_it_for_a_while() {
    let mut pool = Pool::new(sizes(2, 2));
    pool.open();
    pool.started(1, 0);
    pool.started(2, 40);
    assert_eq!(pool.resting(99, 100), []);
    assert_eq!(pool.resting(120, 100), [1]);
    pool.request("a", false);
    pool.request("b", false);
    assert_eq!(pool.resting(1000, 100), []);
}

#[test]
fn grows_to_what_is_asked_for_a_few_at_a_time_while_others_serve() {
    let mut pool = Pool::new(Sizes { starting: 2, ..sizes(0, 5) });
    pool.open();
    pool.started(1, 0);
    assert_eq!(pool.request("a", false), [Step::Assign("a", 1)]);
    assert_eq!(pool.grow(9), [Step::Start, Step::Start]);
    assert_eq!(pool.started(2, 0), [Step::Start]);
    assert_eq!(pool.started(3, 0), [Step::Start]);
    assert!(!pool.is_grown());
    pool.started(4, 0);
    pool.started(5, 0);
    assert!(pool.is_grown());
    assert_eq!(pool.counts(), Counts { starting: 0, idle: 4, busy: 1, queued: 0 });
    assert_eq!(pool.grow(5), []);
}

#[test]
fn what_it_was_grown_to_stays_until_it_is_to_be_less() {
    let mut pool: Pool<&str> = Pool::new(sizes(0, 4));
    pool.grow(3);
    (1..=3).for_each(|isolate| drop(pool.started(isolate, 0)));
    pool.request("a", false);
    assert_eq!(pool.expire(1000), []);
    pool.grow(2);
    assert_eq!(pool.expire(1000), [Step::Retire(1)]);
    assert_eq!(pool.expire(1000), []);
}

#[test]
fn growing_ends_where_no_isolate_can_be_made() {
    let mut pool: Pool<&str> = Pool::new(sizes(0, 4));
    assert_eq!(pool.grow(2), [Step::Start, Step::Start]);
    pool.not_started();
    assert!(pool.is_grown());
    assert_eq!(pool.not_started(), []);
}

#[test]
fn one_who_gives_up_is_not_served() {
    let mut pool = Pool::new(sizes(0, 1));
    pool.request("a", false);
    assert!(pool.abandon(&"a"));
    assert!(!pool.abandon(&"a"));
    assert_eq!(pool.started(1, 0), []);
}

proptest! {
    /// Whatever happens in whatever order: limits hold, no isolate serves two, nobody waits beside an idle isolate.
    #[test]
    fn keeps_its_limits(
        events in proptest::collection::vec(0u8..10, 1..300),
        spares in 0usize..4,
        most in 1usize..6,
        patient in proptest::bool::ANY,
    ) {
        let mut pool: Pool<u64> = Pool::new(Sizes { patient, ..sizes(spares, most) });
        let (mut next, mut starting) = (0u64, 0usize);
        let (mut busy, mut gone) = (Vec::new(), HashSet::new());
        for event in events {
            next += 1;
            let steps = match event {
                0 | 1 => pool.request(next, event == 1),
                2 if starting > 0 => { starting -= 1; pool.started(next, next) }
                3 if starting > 0 => { starting -= 1; pool.not_started() }
                4 if !busy.is_empty() => pool.released(busy.remove(0), next),
                5 if !busy.is_empty() => pool.spent(busy.remove(0)),
                6 => pool.expire(next),
                7 => pool.grow(3),
                8 => pool.overdue(spares > 1),
                9 => { if let Some(oldest) = pool.oldest().copied() { prop_assert!(pool.abandon(&oldest)) } Vec::new() }
                _ => pool.fill(),
            };
            for step in steps {
                match step {
                    Step::Start => starting += 1,
                    Step::Assign(_, isolate) => { prop_assert!(!busy.contains(&isolate)); busy.push(isolate) }
                    Step::Retire(isolate) => prop_assert!(gone.insert(isolate)),
                    Step::Overloaded(_) | Step::NotStarted(_) | Step::Closed(_) => {}
                }
            }
            let counts = pool.counts();
            prop_assert_eq!((counts.starting, counts.busy), (starting, busy.len()));
            prop_assert!(counts.starting + counts.idle + counts.busy <= most);
            prop_assert!(counts.queued == 0 || counts.idle == 0);
            prop_assert!(counts.queued == 0 || counts.starting + counts.busy > 0);
            prop_assert!(busy.iter().all(|isolate| !gone.contains(isolate)));
        }
    }
}

fn patient(most: usize) -> Sizes {
    Sizes { patient: true, ..sizes(0, most) }
}

#[test]
fn who_is_asked_for_patience_waits_for_the_isolates_that_there_are() {
    let mut pool = Pool::new(patient(4));
    assert_eq!(pool.request("a", false), [Step::Start]);
    assert_eq!(pool.request("b", false), []);
    assert_eq!(pool.started(1, 0), [Step::Assign("a", 1)]);
    assert_eq!(pool.request("c", false), []);
    assert_eq!(pool.released(1, 0), [Step::Assign("b", 1)]);
    assert_eq!(pool.oldest(), Some(&"c"));
    assert_eq!(pool.grow(2), [Step::Start]);
    assert_eq!(pool.started(2, 0), [Step::Assign("c", 2)]);
    assert_eq!(pool.request("d", false), []);
    assert_eq!(pool.overdue(false), [], "b was served meanwhile");
    assert_eq!(pool.overdue(false), [Step::Start]);
    assert_eq!(pool.overdue(true), [], "one is on its way");
}

#[test]
fn one_isolate_at_a_time_is_added_for_who_waits_too_long() {
    let mut pool = Pool::new(patient(3));
    pool.request("slow", false);
    pool.started(1, 0);
    for name in ["a", "b", "c"] {
        assert_eq!(pool.request(name, false), []);
    }
    assert_eq!(pool.overdue(false), [Step::Start]);
    assert_eq!(pool.overdue(false), []);
    assert_eq!(pool.started(2, 0), [Step::Assign("a", 2)]);
    assert_eq!(pool.overdue(false), [Step::Start]);
    assert_eq!(pool.started(3, 0), [Step::Assign("b", 3)]);
    assert_eq!(pool.overdue(false), []);
    assert_eq!(pool.released(2, 10), [Step::Assign("c", 2)]);
    assert_eq!((pool.released(2, 10), pool.released(3, 10)), (vec![], vec![]));
    assert_eq!(pool.expire(110), [Step::Retire(2), Step::Retire(3)]);
}

#[test]
fn a_call_of_a_function_is_not_asked_for_patience() {
    let mut pool = Pool::new(patient(4));
    pool.grow(1);
    pool.started(1, 0);
    pool.request("a", false);
    pool.request("b", false);
    assert_eq!(pool.request("call", true), [Step::Start]);
    assert_eq!(pool.oldest(), Some(&"b"));
    assert!(pool.abandon(&"call"));
    assert_eq!(pool.oldest(), Some(&"b"));
    assert_eq!(pool.request("other", true), []);
    assert_eq!(pool.started(2, 0), [Step::Assign("other", 2)]);
}

#[test]
fn a_spent_isolate_of_those_asked_for_is_replaced() {
    let mut pool = Pool::new(patient(4));
    assert_eq!(pool.grow(2), [Step::Start, Step::Start]);
    pool.started(1, 0);
    pool.started(2, 0);
    pool.request("a", false);
    assert_eq!(pool.spent(2), [Step::Retire(2), Step::Start]);
    assert_eq!(pool.not_started(), []);
}
