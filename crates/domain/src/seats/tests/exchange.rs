//! Parties that have seats get others behind the whole line, and nobody in it is worse off.

use proptest::prelude::*;

use super::*;
use crate::seats::{Exchanging, SeatingPlan, Standing, exchange_in_order, seat_in_order};

fn has(key: u64, wish: Wish, seats: &[Seat]) -> Exchanging {
    Exchanging { key, wish, has: seats.to_vec(), elsewhere: false }
}

fn stands(key: u64, wish: Wish) -> Standing {
    Standing { key, wish, sale: 0, most: u32::MAX, gathers: false, may_be_asked: false }
}

/// What these get, behind a line of those.
fn found(hall: &Hall, free: &Free, held: &Free, line: &[Wish], parties: &[Exchanging]) -> Vec<Option<Vec<Seat>>> {
    let line: Vec<_> = (0..).zip(line).map(|(key, &wish)| stands(key, wish)).collect();
    let plan = seat_in_order(hall, free, held, &line, &[], 1, usize::MAX);
    let found = exchange_in_order(hall, free, held, &plan, parties);
    assert!(found.iter().map(|(key, _)| *key).eq(parties.iter().map(|party| party.key)));
    found.into_iter().map(|(_, choice)| choice.map(|choice| choice.seats)).collect()
}

#[test]
fn who_asks_gets_the_best_of_what_is_free_as_many_as_before() {
    let hall = rows(&["aaaa", "bbbb", "bbbb"]);
    let (free, held) = (free(&hall, [2, 3, 4, 5, 8, 9, 10, 11]), free(&hall, [0, 1]));
    let of = |parties: &[Exchanging]| found(&hall, &free, &held, &[], parties);
    // Whatever number the wish names, as many as it has, and never fewer.
    let any = Wish { fewer: true, ..party(7) };
    assert_eq!(of(&[has(7, any, &[0, 1])]), [Some(vec![2, 3])]);
    assert_eq!(of(&[has(7, Wish { tiers: 2, ..any }, &[0, 1])]), [Some(vec![4, 5])]);
    assert_eq!(of(&[has(7, Wish { tiers: 1, ..any }, &[0, 1, 6])]), [None]);
    assert_eq!(of(&[has(7, Wish { tiers: 1, other_tiers: true, ..any }, &[0, 1, 6])]), [Some(vec![8, 9, 10])]);
    // Each seat once, whoever is before first.
    let both = [has(1, any, &[0, 1]), has(2, any, &[6, 7])];
    assert_eq!(of(&both), [Some(vec![2, 3]), Some(vec![4, 5])]);
}

#[test]
fn elsewhere_is_no_section_and_no_area_of_before() {
    let spec = SeatSpec { tier: 0, quality: 0, accessible: false, companion: false };
    let stretch = |section: u16, row: u16, first: Seat| Stretch { section, row, first, seats: vec![spec; 2] };
    let area = |first: Seat| Area { tier: 0, first, capacity: 2, quality: 9 };
    let hall = Hall::new(vec![stretch(0, 0, 0), stretch(0, 1, 2), stretch(1, 0, 4)], vec![area(6), area(8)]).unwrap();
    let elsewhere = |seats: &[Seat], open: &[Seat]| {
        let party = Exchanging { elsewhere: true, ..has(0, party(1), seats) };
        let choice = found(&hall, &free(&hall, open.iter().copied()), &Free::none(10), &[], &[party]).remove(0);
        choice.map(|seats| seats[0])
    };
    // The next row is the same section; the other section, an area are not.
    assert_eq!(elsewhere(&[0], &[1, 2, 4, 6]), Some(4));
    assert_eq!(elsewhere(&[0], &[1, 2, 6]), Some(6));
    assert_eq!(elsewhere(&[0], &[1, 2]), None);
    assert_eq!(elsewhere(&[6], &[7, 8]), Some(8));
    assert_eq!(elsewhere(&[6], &[7]), None);
    assert_eq!(elsewhere(&[0, 4], &[1, 5, 8, 9]), Some(8));
    assert_eq!(elsewhere(&[0, 4], &[1, 5, 8]), None);
}

/// Four stand for a row of which half is free; a pair in the next row would rather sit there.
fn a_four_waits_for_a_row(guard: bool) -> Result<(), String> {
    let hall = rows(&["aaaa", "bbbb"]);
    let (free, held) = (free(&hall, [0, 1, 6]), free(&hall, [2, 3, 4, 5]));
    let wish = Wish { tiers: 1, ..party(4) };
    let mut plan = seat_in_order(&hall, &free, &held, &[stands(0, wish)], &[], 1, 9);
    assert_eq!((plan.standing, plan.wanted, plan.offers.len()), (1, 1, 0));
    if !guard {
        plan.wanted = 0;
    }
    match &exchange_in_order(&hall, &free, &held, &plan, &[has(1, party(2), &[4, 5])])[0].1 {
        None => Ok(()),
        Some(choice) => Err(format!("{:?} go past four who wait for them", choice.seats)),
    }
}

#[test]
fn nothing_is_taken_that_somebody_who_stands_accepts() {
    a_four_waits_for_a_row(true).unwrap();
    // Of a tier that nobody stands for, even then.
    let hall = rows(&["aaaa", "bbbb"]);
    let (free, held) = (free(&hall, [0, 1, 6, 7]), free(&hall, [2, 3, 4, 5]));
    let wishes = [Wish { tiers: 1, ..party(4) }];
    assert_eq!(found(&hall, &free, &held, &wishes, &[has(1, party(2), &[4, 5])]), [Some(vec![6, 7])]);
}

#[test]
fn nothing_is_taken_that_somebody_who_stands_accepts_without_wanted() {
    assert_eq!(a_four_waits_for_a_row(false), Err("[0, 1] go past four who wait for them".to_owned()));
}

#[test]
fn what_is_offered_or_asked_about_is_nobodys_to_exchange_for() {
    let hall = rows(&["aaa", "b"]);
    let (free, held) = (free(&hall, [0, 1]), free(&hall, [2, 3]));
    assert_eq!(found(&hall, &free, &held, &[party(2)], &[has(9, party(1), &[3])]), [None]);
    // Whoever may be asked next would take anything.
    let line = [Standing { may_be_asked: true, ..stands(0, party(4)) }];
    let plan = seat_in_order(&hall, &free, &held, &line, &[], 1, 9);
    assert_eq!((plan.asked.len(), plan.wanted), (1, 0b11));
    assert_eq!(exchange_in_order(&hall, &free, &held, &plan, &[has(9, party(1), &[3])]), [(9, None)]);
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

proptest! {
    /// Whatever comes free later, whoever stands gets what they would have got without the exchanges, or something as good.
    #[test]
    fn nobody_who_stands_is_worse_off(
        wishes in proptest::collection::vec((wish(), any::<[bool; 2]>()), 0..6),
        state in proptest::collection::vec(0_u8..3, 23),
        asks in proptest::collection::vec((wish(), any::<bool>()), 1..4),
        comes_free in proptest::collection::vec(any::<bool>(), 23),
    ) {
        let hall = rows_and_areas(&["aaaaaaa", "aaa", "bbbbbb", "bb"], &[(2, 5)]);
        let of = |wanted: u8| free(&hall, (0..).zip(&state).filter(|&(_, &is)| is == wanted).map(|(seat, _)| seat));
        let (mut free, mut held) = (of(0), of(1));
        let line: Vec<Standing> = (0..)
            .zip(&wishes)
            .map(|(key, &(wish, [gathers, may_be_asked]))| Standing { gathers, may_be_asked, ..stands(key, wish) })
            .collect();
        // Held seats in groups of two belong to those who ask.
        let mut pairs = held.iter().collect::<Vec<_>>().chunks_exact(2).map(<[Seat]>::to_vec).collect::<Vec<_>>().into_iter();
        let parties: Vec<Exchanging> = (100..)
            .zip(&asks)
            .filter_map(|(key, &(wish, elsewhere))| Some(Exchanging { key, wish, has: pairs.next()?, elsewhere }))
            .collect();
        let plan = seat_in_order(&hall, &free, &held, &line, &[], 1, usize::MAX);
        let exchanged = exchange_in_order(&hall, &free, &held, &plan, &parties);

        let decided = |key: u64| plan.sold_out.contains(&key) || plan.offers.iter().any(|offer| offer.key == key);
        let rest: Vec<Standing> = line.iter().filter(|party| !decided(party.key)).copied().collect();
        for seat in plan.offers.iter().flat_map(|offer| &offer.choice.seats) {
            prop_assert!(free.take(*seat) && held.give(*seat));
        }
        let (without_free, without_held) = (free.clone(), held.clone());
        for (key, choice) in &exchanged {
            let party = parties.iter().find(|party| party.key == *key).unwrap();
            let Some(choice) = choice else { continue };
            prop_assert_eq!(choice.seats.len(), party.has.len());
            for seat in &choice.seats {
                prop_assert!(free.take(*seat) && held.give(*seat), "seat {} is not free, or taken twice", seat);
                prop_assert!(!plan.asked.iter().any(|asked| asked.choice.seats.contains(seat)));
            }
            for seat in &party.has {
                prop_assert!(held.take(*seat) && free.give(*seat));
            }
        }
        prop_assert_eq!(free.count() + held.count(), without_free.count() + without_held.count());
        // Of what is held and nobody exchanged, some comes free: the first who stands finds as many seats as they would have.
        let (mut now, mut then) = (free, without_free);
        for seat in (0..23).filter(|seat| comes_free[*seat as usize] && without_held.contains(*seat)) {
            if held.contains(seat) {
                now.give(seat);
                then.give(seat);
            }
        }
        if let Some(first) = rest.first() {
            let of = |free: &Free| {
                let plan: SeatingPlan = seat_in_order(&hall, free, &Free::none(23), &[*first], &[], 1, 1);
                plan.offers.first().map_or(0, |offer| offer.choice.seats.len())
            };
            prop_assert!(of(&now) >= of(&then), "{:?} gets {} instead of {}", first.wish, of(&now), of(&then));
        }
    }
}
