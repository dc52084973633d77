//! Halls are checked; sets of units keep count.

use proptest::prelude::*;

use super::*;
use crate::seats::HallFault;

fn stretch(first: Seat, seats: usize) -> Stretch {
    Stretch {
        section: 0,
        row: 0,
        first,
        seats: vec![SeatSpec { tier: 0, quality: 0, accessible: false, companion: false }; seats],
    }
}

fn area(first: Seat, capacity: u32) -> Area {
    Area { tier: 1, first, capacity, quality: 0 }
}

#[test]
fn a_hall_is_covered_once_seats_first() {
    let hall = Hall::new(vec![stretch(2, 3), stretch(0, 2)], vec![area(5, 4)]).unwrap();
    assert_eq!((hall.capacity(), hall.tiers(), hall.tier_of(4), hall.tier_of(5)), (9, 0b11, 0, 1));
    assert_eq!(Hall::new(Vec::new(), Vec::new()).unwrap().capacity(), 0);

    let fault = |stretches, areas| Hall::new(stretches, areas).unwrap_err();
    assert_eq!(fault(vec![stretch(0, 2), stretch(3, 1)], vec![]), HallFault::Order { expected: 2, found: 3 });
    assert_eq!(fault(vec![stretch(0, 2), stretch(1, 2)], vec![]), HallFault::Order { expected: 2, found: 1 });
    assert_eq!(fault(vec![stretch(4, 1)], vec![area(0, 4)]), HallFault::Order { expected: 0, found: 4 });
    assert_eq!(fault(vec![stretch(0, 0)], vec![]), HallFault::Empty { first: 0 });
    assert_eq!(fault(vec![], vec![area(0, 0)]), HallFault::Empty { first: 0 });
    assert_eq!(fault(vec![stretch(0, 129)], vec![]), HallFault::LongStretch { first: 0, seats: 129 });
    assert_eq!(fault(vec![], vec![area(0, u32::MAX), area(u32::MAX, 1)]), HallFault::TooLarge);
    assert_eq!(fault(vec![], vec![Area { tier: 32, ..area(0, 1) }]), HallFault::Tier { first: 0, tier: 32 });
}

#[test]
fn sets_of_one_event_only() {
    let hall = rows(&["aaa"]);
    let other = Free::none(4);
    assert!(std::panic::catch_unwind(|| Free::all(&hall).union(&other)).is_err());
    assert!(std::panic::catch_unwind(|| crate::seats::choose(&hall, &other, &party(1), 0)).is_err());
}

proptest! {
    #[test]
    fn counts_follow_every_change(changes in proptest::collection::vec((any::<bool>(), 0_u32..13), 0..60)) {
        let hall = rows_and_areas(&["aab", "bcB"], &[(0, 4), (3, 2)]);
        let (mut counted, mut plain) = (Free::none_of(&hall), Free::none(hall.capacity()));
        let mut model = std::collections::BTreeSet::new();
        for (give, seat) in changes {
            let changed = if give { seat < hall.capacity() && model.insert(seat) } else { model.remove(&seat) };
            for set in [&mut counted, &mut plain] {
                prop_assert_eq!(if give { set.give(seat) } else { set.take(seat) }, changed);
                prop_assert_eq!(set.contains(seat), model.contains(&seat));
                prop_assert_eq!(set.count() as usize, model.len());
            }
        }
        prop_assert!(counted.iter().eq(model.iter().copied()));
        let held = free(&hall, [0, 5, 11]);
        for both in [counted.union(&held), held.union(&plain), plain.union(&held)] {
            let members: Vec<Seat> = (0..12).filter(|seat| model.contains(seat) || held.contains(*seat)).collect();
            prop_assert!(both.iter().eq(members.iter().copied()));
            for tiers in 0..16 {
                let expected = members.iter().filter(|&&seat| tiers >> hall.tier_of(seat) & 1 == 1).count();
                prop_assert_eq!(both.count_in(&hall, tiers) as usize, expected);
            }
        }
    }
}
