//! Parties are seated in order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::seats::{Offer, SeatingPlan, Share, Standing, choose, seat_in_order};

fn stands(key: u64, wish: Wish, sale: usize) -> Standing {
    Standing { key, wish, sale, most: u32::MAX, gathers: true, may_be_asked: false }
}

fn line(wishes: impl IntoIterator<Item = Wish>) -> Vec<Standing> {
    (0..).zip(wishes).map(|(key, wish)| stands(key, wish, 0)).collect()
}

/// Seats that went past a party which neither got any nor was told that nothing is left, and would have sat there.
fn passed(hall: &Hall, line: &[Standing], plan: &SeatingPlan) -> Vec<(u64, Seat)> {
    let decided = |key: u64| plan.sold_out.contains(&key) || plan.offers.iter().any(|offer| offer.key == key);
    let stands = line.iter().filter(|party| !decided(party.key));
    let past = |party: &Standing| {
        let (key, tiers) = (party.key, party.wish.acceptable(hall));
        let behind = plan.offers.iter().filter(move |offer| offer.key > key);
        let seats = behind.flat_map(|offer| offer.choice.seats.iter().copied());
        seats.filter(move |&seat| tiers >> hall.tier_of(seat) & 1 == 1).map(move |seat| (key, seat)).collect::<Vec<_>>()
    };
    stands.flat_map(past).collect()
}

#[test]
fn offers_follow_the_line_and_the_limit() {
    let hall = rows(&["aaaa", "aaaa"]);
    let line = line([party(2), party(5), party(2), party(4)]);
    let (free, held) = (Free::all(&hall), Free::none(8));
    let plan = seat_in_order(&hall, &free, &held, &line, &[], 1, 9);
    let seats: Vec<_> = plan.offers.iter().map(|offer| (offer.key, offer.choice.seats.clone())).collect();
    assert_eq!(seats, [(0, vec![0, 1]), (2, vec![2, 3]), (3, vec![4, 5, 6, 7])]);
    assert_eq!((plan.sold_out, plan.standing), (vec![1], 0));
    let plan = seat_in_order(&hall, &free, &held, &line, &[], 1, 2);
    assert_eq!((plan.offers.len(), plan.sold_out), (1, vec![1]));
}

#[test]
fn what_is_offered_may_come_free_again() {
    let hall = rows(&["aaa"]);
    let plan =
        seat_in_order(&hall, &Free::all(&hall), &Free::none(3), &line([party(2), party(2), party(1)]), &[], 1, 9);
    // The second pair may still get the first one's seats, and the single must not take the third from under it.
    assert_eq!((plan.offers.len(), plan.sold_out, plan.standing), (1, vec![], 2));
}

#[test]
fn nothing_goes_past_a_party_that_stands() {
    let hall = rows(&["aaaa", "bb"]);
    let (free, held) = (free(&hall, [0, 1, 4, 5]), free(&hall, [2, 3]));
    let four_of_a = Wish { tiers: 0b01, ..party(4) };
    let line = line([four_of_a, Wish { tiers: 0b01, ..party(2) }, party(2), party(5)]);
    let plan = seat_in_order(&hall, &free, &held, &line, &[], 1, 9);
    assert_eq!(plan.offers.iter().map(|offer| offer.key).collect::<Vec<_>>(), [2]);
    assert_eq!(plan.offers[0].choice.seats, [4, 5]);
    assert_eq!((plan.sold_out.clone(), plan.standing), (vec![3], 2));
    assert_eq!(passed(&hall, &line, &plan), []);

    // The same line without the bar: the guard is what keeps the order, and the check above sees it.
    let mut left = free.clone();
    let mut offers = Vec::new();
    for Standing { key, wish, .. } in line.iter().copied() {
        if let Some(choice) = choose(&hall, &left, &wish, 0) {
            choice.seats.iter().for_each(|&seat| assert!(left.take(seat)));
            offers.push(Offer { key, choice });
        }
    }
    let unguarded = SeatingPlan { offers, sold_out: vec![3], standing: 1, ..SeatingPlan::default() };
    assert_eq!(passed(&hall, &line, &unguarded), [(0, 0), (0, 1)]);
}

#[test]
fn seats_go_past_a_party_once_its_time_to_gather_is_over() {
    let hall = rows(&["aaaa"]);
    let (free, held) = (free(&hall, [0, 1]), free(&hall, [2, 3]));
    let decide = |line: &[Standing], free: &Free, held: &Free| seat_in_order(&hall, free, held, line, &[], 1, 9);
    let mut line = line([party(4), party(2)]);
    let plan = decide(&line, &free, &held);
    assert_eq!((plan.offers.len(), plan.gathering, plan.standing), (0, vec![0], 2));
    line[0].gathers = false;
    let plan = decide(&line, &free, &held);
    assert_eq!((plan.offers[0].key, plan.gathering, plan.standing), (1, vec![], 1));
    // It still comes first, should all of them be free.
    assert_eq!(decide(&line, &Free::all(&hall), &Free::none(4)).offers[0].key, 0);
    // Nothing is kept for whom nothing is free.
    line[0].gathers = true;
    let plan = decide(&line, &Free::none(4), &Free::all(&hall));
    assert_eq!((plan.gathering, plan.standing), (vec![], 2));
}

#[test]
fn whom_nothing_fits_any_more_is_asked_while_the_nearest_is_kept() {
    let hall = rows(&["aaa", "b"]);
    let may = |party: Standing| Standing { may_be_asked: true, ..party };
    let line: Vec<_> = line([party(4), party(4), party(1), party(1)]).into_iter().map(may).collect();
    let (all, none) = (Free::all(&hall), Free::none(4));
    let plan = seat_in_order(&hall, &all, &none, &line, &[], 1, 9);
    // Four apart are kept for the first; the second may hope that it says no, and so may those behind.
    assert_eq!((plan.asked[0].key, plan.asked[0].choice.seats.len()), (0, 4));
    assert_eq!((plan.asked.len(), plan.offers.len(), plan.sold_out.len(), plan.standing), (1, 0, 0, 4));
    // Who has not answered in time is asked no more, and the next one is.
    let mut late = line.clone();
    late[0].may_be_asked = false;
    let plan = seat_in_order(&hall, &all, &none, &late, &[], 1, 9);
    assert_eq!((plan.sold_out, plan.asked[0].key), (vec![0], 1));
    // Fewer are kept where there are fewer, and no more than are left of the sale's share.
    let plan = seat_in_order(&hall, &free(&hall, [0, 2, 3]), &none, &line, &[Share::of(2, 0, 0)], 1, 9);
    assert_eq!((plan.asked[0].choice.seats.len(), plan.offers.len()), (2, 0));
    let plan = seat_in_order(&hall, &free(&hall, [0, 2, 3]), &none, &line[1..3], &[Share::of(3, 0, 0)], 1, 9);
    assert_eq!((plan.asked[0].choice.seats.len(), plan.standing), (3, 2));
    // With nothing left that anybody could take there is nothing to ask about.
    let plan = seat_in_order(&hall, &none, &none, &line, &[], 1, 9);
    assert_eq!((plan.asked, plan.sold_out), (vec![], vec![0, 1, 2, 3]));
}

#[test]
fn several_are_asked_about_the_same_seats_and_whoever_is_before_decides_first() {
    let hall = rows(&["aaa", "b"]);
    let may = |party: Standing| Standing { may_be_asked: true, ..party };
    let mut line: Vec<_> = line([party(4), party(2), party(4), party(5), party(3)]).into_iter().map(may).collect();
    let (last, none) = (free(&hall, [1, 3]), Free::none(4));
    let asked = |line: &[Standing], at_once: u32, shares: &[Share]| {
        let plan = seat_in_order(&hall, &last, &none, line, shares, at_once, 9);
        assert_eq!((plan.offers.len(), plan.sold_out.len()), (0, 0));
        plan.asked.iter().map(|offer| (offer.key, offer.choice.seats.clone())).collect::<Vec<_>>()
    };
    let both = vec![1, 3];
    assert_eq!(asked(&line, 1, &[]), [(0, both.clone())]);
    assert_eq!(asked(&line, 3, &[]), [0, 1, 2].map(|key| (key, both.clone())));
    assert_eq!(asked(&line, 99, &[]).len(), 5);
    // No party is asked about more than its sale has left, and the seats of a round are asked about once each.
    (line[1].sale, line[3].sale) = (1, 1);
    let shares = [Share::of(2, 0, 0), Share::of(1, 0, 0)];
    let asked = asked(&line, 2, &shares);
    assert_eq!(asked.iter().map(|(key, seats)| (*key, seats.len())).collect::<Vec<_>>(), [(0, 2), (1, 1), (2, 1)]);
    // Who agrees waits for those before, and gets what they leave; those behind are not asked then.
    (line[1].sale, line[3].sale) = (0, 0);
    line[2].wish = Wish { apart: true, fewer: true, ..line[2].wish };
    let plan = seat_in_order(&hall, &last, &none, &line, &[], 5, 9);
    let keys = |offers: &[Offer]| offers.iter().map(|offer| offer.key).collect::<Vec<_>>();
    assert_eq!((keys(&plan.offers), keys(&plan.asked), plan.sold_out.len()), (vec![], vec![0, 1], 0));
    let plan = seat_in_order(&hall, &last, &none, &line[2..], &[], 5, 9);
    assert_eq!((keys(&plan.offers), plan.standing, plan.asked.len()), (vec![2], 2, 0));
}

#[test]
fn what_was_asked_about_is_nobodys_before_the_refusal_is_recorded() {
    let hall = rows(&["a", "b"]);
    let line = line([party(1), party(2), party(1), party(8)]);
    let plan = seat_in_order(&hall, &Free::all(&hall), &Free::none(2), &line, &[], 1, 9);
    let keys = |plan: &SeatingPlan| plan.offers.iter().map(|offer| offer.key).collect::<Vec<_>>();
    assert_eq!((keys(&plan), &plan.sold_out[..]), (vec![0, 2], &[1, 3][..]));
    let after = |over: &[u64]| {
        let mut plan = plan.clone();
        (plan.wait_for_answers(|key| over.contains(&key)), keys(&plan))
    };
    assert_eq!(after(&[]), (false, vec![0, 2]));
    assert_eq!(after(&[1, 3]), (true, vec![0]));
    assert_eq!(after(&[3]), (true, vec![0, 2]));
}

#[test]
fn seats_are_side_by_side_in_one_stretch_or_one_area() {
    let hall = rows_and_areas(&["aaa", "bb"], &[(2, 3)]);
    let together = [&[][..], &[1], &[0, 1, 2], &[3, 4], &[5, 7]].map(|seats| hall.side_by_side(seats));
    assert_eq!(together, [true; 5]);
    let apart = [&[0, 2][..], &[2, 3], &[4, 5], &[0, 7]].map(|seats| hall.side_by_side(seats));
    assert_eq!(apart, [false; 4]);
}

#[test]
fn accessible_seats_wait_for_what_is_held() {
    let hall = rows(&["AA", "a"]);
    let (accessible, last) = (free(&hall, [0, 1]), free(&hall, [2]));
    let none = Free::none(3);
    let keys = |free: &Free, held: &Free, wish: Wish| {
        let plan = seat_in_order(&hall, free, held, &line([wish]), &[], 1, 9);
        (plan.offers.len(), plan.sold_out.len(), plan.standing)
    };
    // The held seat may be paid for, which would release the others; it may also come back, which would not.
    assert_eq!(keys(&accessible, &last, party(2)), (0, 0, 1));
    assert_eq!(keys(&accessible, &none, party(2)), (1, 0, 0));
    assert_eq!(keys(&accessible.union(&last), &none, party(2)), (0, 1, 0));
    assert_eq!(keys(&accessible, &last, Wish { accessible: true, ..party(2) }), (1, 0, 0));
    // The first pair is sold out; once the last other seat went, the next one may hope for the accessible ones.
    let plan = seat_in_order(&hall, &last, &accessible, &line([party(2), party(1), party(2)]), &[], 1, 9);
    assert_eq!((plan.offers[0].key, plan.sold_out, plan.standing), (1, vec![0], 1));
}

#[test]
fn nobody_gets_more_than_is_left_of_their_sale_s_share() {
    let hall = rows(&["aaaaaaaa"]);
    let none = Free::none(8);
    let of = |sale: usize, size: u8| (sale, party(size));
    let plan = |free: &Free, held: &Free, line: &[(usize, Wish)], shares: &[Share]| {
        let line: Vec<_> = (0..).zip(line).map(|(key, &(sale, wish))| stands(key, wish, sale)).collect();
        let plan = seat_in_order(&hall, free, held, &line, shares, 1, 9);
        (plan.offers.iter().map(|offer| (offer.key, offer.choice.seats.len())).collect::<Vec<_>>(), plan.sold_out)
    };
    let three = [Share::of(3, 0, 0), Share::ALL];
    // What was just offered may come back to its sale; what can never be is said, and the other sale goes on.
    let line = [of(0, 2), of(0, 2), of(0, 1), of(0, 4), of(1, 4)];
    assert_eq!(plan(&Free::all(&hall), &none, &line, &three), (vec![(0, 2), (4, 4)], vec![3]));
    // Fewer will do: what is left of the share, also from the first.
    let fewer = Wish { fewer: true, ..party(4) };
    assert_eq!(plan(&Free::all(&hall), &none, &[(0, fewer), (0, fewer)], &three), (vec![(0, 3)], vec![]));
    // Sold for good: nothing can come back.
    let gone = [Share::of(3, 3, 0), Share::ALL];
    assert_eq!(plan(&Free::all(&hall), &none, &[of(0, 1), of(1, 1)], &gone), (vec![(1, 1)], vec![0]));
    // Waiting for held seats of the hall, a party keeps its part of the share: those behind have what is left of it.
    let (free, held) = (free(&hall, [0, 1, 2]), free(&hall, [3, 4, 5, 6, 7]));
    let five = [Share::of(5, 0, 0), Share::ALL];
    assert_eq!(plan(&free, &held, &[of(0, 4), of(0, 1), of(1, 1)], &five), (vec![], vec![]));
    // An allotment lowered below what is taken leaves nothing, and is no number below nothing.
    assert_eq!(Share::of(3, 5, 4), Share { free: 0, held: 2 });
    assert_eq!(Share::of(5, 3, 2), Share { free: 2, held: 2 });
}

fn wish() -> impl Strategy<Value = Wish> {
    (1_u8..=4, 0_u32..8, any::<[bool; 3]>(), proptest::bool::weighted(0.1)).prop_map(
        |(party, tiers, [other_tiers, apart, fewer], accessible)| Wish {
            party,
            tiers,
            other_tiers,
            apart,
            fewer,
            accessible,
        },
    )
}

fn a_hall() -> Hall {
    rows_and_areas(&["AAaaaaa", "aaa", "bbbBbb", "bb"], &[(2, 5)])
}

proptest! {
    #[test]
    fn a_plan_keeps_the_order(
        wishes in proptest::collection::vec(wish(), 0..20),
        state in proptest::collection::vec(0_u8..3, 23),
        limit in 0_usize..25,
    ) {
        let hall = a_hall();
        let of = |wanted: u8| free(&hall, (0..).zip(&state).filter(|&(_, &is)| is == wanted).map(|(seat, _)| seat));
        let (free, held, line) = (of(0), of(1), line(wishes));
        let plan = seat_in_order(&hall, &free, &held, &line, &[], 1, limit);
        prop_assert_eq!(&plan, &seat_in_order(&hall, &free, &held, &line, &[], 1, limit));
        prop_assert!(plan.offers.len() + plan.sold_out.len() <= limit);

        let mut left = free.clone();
        for seat in plan.offers.iter().flat_map(|offer| &offer.choice.seats) {
            prop_assert!(left.take(*seat), "seat {} is not free, or offered twice", seat);
        }
        prop_assert!(plan.offers.is_sorted_by_key(|offer| offer.key) && plan.sold_out.is_sorted());
        let seen = plan.offers.len() + plan.sold_out.len() + plan.standing;
        if plan.offers.len() + plan.sold_out.len() < limit {
            prop_assert_eq!(seen, line.len());
            prop_assert_eq!(passed(&hall, &line, &plan), []);
        }
        // Nobody is sold out for whom there would be seats, were everything free that those before left.
        for &key in &plan.sold_out {
            let mut in_play = free.union(&held);
            let before = plan.offers.iter().filter(|offer| offer.key < key);
            before.flat_map(|offer| &offer.choice.seats).for_each(|&seat| assert!(in_play.take(seat)));
            prop_assert_eq!(choose(&hall, &in_play, &line[key as usize].wish, 0), None);
        }
        let nothing_held = seat_in_order(&hall, &free, &Free::none(23), &line, &[], 1, usize::MAX);
        prop_assert!(nothing_held.standing == 0 || !nothing_held.offers.is_empty());
        // Decided one after the other, the line ends the same.
        let (mut free, mut held, mut rest, mut offers) = (free, held, line, Vec::new());
        loop {
            let step = seat_in_order(&hall, &free, &held, &rest, &[], 1, 1);
            let Some(key) = step.offers.first().map(|offer| offer.key).or(step.sold_out.first().copied()) else { break };
            rest.retain(|party| party.key != key);
            for seat in step.offers.iter().flat_map(|offer| &offer.choice.seats) {
                prop_assert!(free.take(*seat) && held.give(*seat));
            }
            offers.extend(step.offers);
        }
        if plan.offers.len() + plan.sold_out.len() < limit {
            prop_assert_eq!(plan.offers, offers);
        }
    }

    /// Parties come, pay or let their holds lapse; those that accept everything leave nothing unsold.
    #[test]
    fn everything_sells_in_the_end(
        wishes in proptest::collection::vec(wish(), 1..12),
        pays in proptest::collection::vec(any::<bool>(), 0..40),
    ) {
        let hall = a_hall();
        let flexible = |wish: &Wish| Wish { other_tiers: true, apart: true, fewer: true, accessible: false, ..*wish };
        let mut coming = wishes.iter().map(flexible).cycle();
        let mut pays = pays.into_iter();
        let (mut free, mut sold, mut key) = (Free::all(&hall), BTreeSet::new(), 0);
        let mut holds: Vec<Offer> = Vec::new();
        let mut standing: Vec<Standing> = Vec::new();
        for _ in 0..200 {
            for wish in coming.by_ref().take(3) {
                standing.push(stands(key, wish, 0));
                key += 1;
            }
            let mut held = Free::none(hall.capacity());
            holds.iter().flat_map(|hold| &hold.choice.seats).for_each(|&seat| assert!(held.give(seat)));
            let plan = seat_in_order(&hall, &free, &held, &standing, &[], 1, 2);
            standing.retain(|party| !plan.sold_out.contains(&party.key) && !plan.offers.iter().any(|o| o.key == party.key));
            for offer in plan.offers {
                offer.choice.seats.iter().for_each(|&seat| assert!(free.take(seat)));
                holds.push(offer);
            }
            prop_assert!(plan.sold_out.is_empty() || free.count() + held.count() == 0);
            if !holds.is_empty() {
                let hold = holds.remove(0);
                for seat in hold.choice.seats {
                    let new = if pays.next().unwrap_or(true) { sold.insert(seat) } else { free.give(seat) };
                    prop_assert!(new);
                }
            }
        }
        prop_assert_eq!(sold.len(), hall.capacity() as usize);
    }
}
