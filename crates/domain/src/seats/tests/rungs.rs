//! Each step of the ladder, by example.

use super::*;
use crate::seats::{Rung, choose};

/// What is chosen when `taken` are not free.
fn chosen(hall: &Hall, taken: &[Seat], wish: Wish) -> Option<(Vec<Seat>, Rung)> {
    let mut free = Free::all(hall);
    assert!(taken.iter().all(|&seat| free.take(seat)));
    choose(hall, &free, &wish, 0).map(|choice| (choice.seats, choice.rung))
}

#[test]
fn the_best_seats_win_then_the_lowest() {
    let spec = |quality| SeatSpec { tier: 0, quality, accessible: false, companion: false };
    let stretch =
        |row, first, qualities: [u32; 6]| Stretch { section: 0, row, first, seats: qualities.map(spec).into() };
    let hall = Hall::new(vec![stretch(0, 0, [9, 5, 5, 5, 5, 9]), stretch(1, 6, [4, 4, 4, 9, 9, 9])], vec![]).unwrap();
    assert_eq!(chosen(&hall, &[], party(2)), Some((vec![6, 7], Rung::TogetherNoSingle)));
    // Seats 1 and 2 would be better than 0 and 1, but leave seat 0 alone.
    assert_eq!(chosen(&hall, &[6, 7, 8], party(2)), Some((vec![2, 3], Rung::TogetherNoSingle)));
}

#[test]
fn a_single_seat_is_left_only_where_nothing_better_is() {
    // Where the front row would leave one, the next one that would not is taken.
    assert_eq!(chosen(&rows(&["aaa", "aaaa"]), &[], party(2)), Some((vec![3, 4], Rung::TogetherNoSingle)));
    // A pair in a row of three leaves one wherever it sits.
    assert_eq!(chosen(&rows(&["aaa"]), &[], party(2)), Some((vec![0, 1], Rung::Together)));
    // So do eight of nine, and one in the middle of three is not needed.
    assert_eq!(chosen(&rows(&["aaaaaaaaa"]), &[], party(8)), Some((vec![0, 1, 2, 3, 4, 5, 6, 7], Rung::Together)));
    assert_eq!(chosen(&rows(&["aaa"]), &[], party(1)), Some((vec![0], Rung::TogetherNoSingle)));
    // In a row of five the middle three would leave two, either end none.
    assert_eq!(chosen(&rows(&["aaaaa"]), &[], party(3)), Some((vec![0, 1, 2], Rung::TogetherNoSingle)));
}

#[test]
fn the_last_pair_is_sellable_and_singles_from_before_do_not_count() {
    let hall = rows(&["aaaaa"]);
    assert_eq!(chosen(&hall, &[0, 1, 2], party(2)), Some((vec![3, 4], Rung::TogetherNoSingle)));
    assert_eq!(chosen(&hall, &[1, 2], party(2)), Some((vec![3, 4], Rung::TogetherNoSingle)));
    assert_eq!(chosen(&hall, &[1, 3], party(1)), Some((vec![0], Rung::TogetherNoSingle)));
}

#[test]
fn together_means_one_stretch() {
    let hall = rows(&["aa", "aa"]);
    assert_eq!(chosen(&hall, &[], party(3)), None);
    assert_eq!(chosen(&hall, &[], party(0)), None);
    assert_eq!(chosen(&rows(&["aaaaaaaaa"]), &[], party(9)), None);
}

#[test]
fn a_split_party_leaves_nobody_alone() {
    let apart = Wish { apart: true, ..party(4) };
    assert_eq!(chosen(&rows(&["aaa", "a", "aa"]), &[], apart), Some((vec![0, 1, 4, 5], Rung::SplitNobodyAlone)));
    // Neighbouring rows are nearer than better ones further apart.
    assert_eq!(chosen(&rows(&["aa", "a", "aa", "aa"]), &[], apart), Some((vec![3, 4, 5, 6], Rung::SplitNobodyAlone)));
    assert_eq!(chosen(&rows(&["aaa", "a"]), &[], apart), Some((vec![0, 1, 2, 3], Rung::Apart)));
}

#[test]
fn apart_is_as_near_as_possible() {
    let hall = rows(&["aa", "aa", "aa", "aa"]);
    let pair = Wish { apart: true, ..party(2) };
    assert_eq!(chosen(&hall, &[1, 2, 3, 5, 7], pair), Some((vec![4, 6], Rung::Apart)));
    // Only a party for which no section has room is spread over several.
    let mut far = stretches(&["a", "a"]);
    far[1].section = 1;
    let hall = Hall::new(far, vec![Area { tier: 0, first: 2, capacity: 1, quality: 0 }]).unwrap();
    assert_eq!(chosen(&hall, &[], pair), Some((vec![0, 2], Rung::Apart)));
}

#[test]
fn another_tier_only_for_those_who_accept_one() {
    let hall = rows(&["aa", "bb"]);
    let wish = Wish { tiers: 0b10, ..party(2) };
    assert_eq!(chosen(&hall, &[], wish), Some((vec![2, 3], Rung::TogetherNoSingle)));
    assert_eq!(chosen(&hall, &[2], wish), None);
    let other_tiers = Wish { other_tiers: true, ..wish };
    assert_eq!(chosen(&hall, &[2], other_tiers), Some((vec![0, 1], Rung::OtherTier)));
    assert_eq!(choose(&hall, &Free::all(&hall), &other_tiers, 0b01).unwrap().rung, Rung::TogetherNoSingle);
    assert_eq!(choose(&hall, &Free::all(&hall), &other_tiers, 0b10).unwrap().seats, [0, 1]);
    assert_eq!(choose(&hall, &Free::all(&hall), &other_tiers, 0b11), None);
    assert_eq!(chosen(&hall, &[], Wish { tiers: 0b100, ..wish }), None);
}

#[test]
fn fewer_only_after_everything_else() {
    let hall = rows(&["aaa", "bbbb"]);
    let fewer = Wish { tiers: 0b01, fewer: true, ..party(4) };
    assert_eq!(chosen(&hall, &[], fewer), Some((vec![0, 1, 2], Rung::Fewer)));
    assert_eq!(chosen(&hall, &[1], fewer), Some((vec![0], Rung::Fewer)));
    assert_eq!(chosen(&hall, &[], Wish { other_tiers: true, ..fewer }), Some((vec![3, 4, 5, 6], Rung::OtherTier)));
    assert_eq!(chosen(&hall, &[0, 1, 2], fewer), None);
}

#[test]
fn any_units_of_a_standing_area_are_together() {
    let hall = rows_and_areas(&["aa"], &[(1, 5), (1, 5)]);
    assert_eq!(chosen(&hall, &[3, 5], party(3)), Some((vec![2, 4, 6], Rung::TogetherNoSingle)));
    assert_eq!(chosen(&hall, &[2, 3, 4], party(3)), Some((vec![7, 8, 9], Rung::TogetherNoSingle)));
    assert_eq!(chosen(&hall, &[], party(6)), None);
    let apart = Wish { apart: true, ..party(6) };
    assert_eq!(chosen(&hall, &[], apart), Some((vec![0, 1, 2, 3, 4, 5], Rung::SplitNobodyAlone)));
}

#[test]
fn accessible_seats_are_kept_for_those_who_need_them() {
    let hall = rows(&["AAaa", "aaaa"]);
    let needs = Wish { accessible: true, ..party(3) };
    assert_eq!(chosen(&hall, &[], party(3)), Some((vec![4, 5, 6], Rung::Together)));
    assert_eq!(chosen(&hall, &[], needs), Some((vec![0, 1, 2], Rung::Together)));
    assert_eq!(chosen(&hall, &[0], needs), Some((vec![1, 2, 3], Rung::TogetherNoSingle)));
    assert_eq!(chosen(&hall, &[0, 1], needs), None);
    // One other seat is left, so they are not released, though it alone does not seat the pair.
    assert_eq!(chosen(&hall, &[2, 3, 5, 6, 7], party(2)), None);
    assert_eq!(chosen(&hall, &[2, 3, 4, 5, 6, 7], party(2)), Some((vec![0, 1], Rung::TogetherNoSingle)));
    let apart = Wish { apart: true, ..needs };
    assert_eq!(chosen(&hall, &[0, 2, 3], apart), Some((vec![1, 4, 5], Rung::Apart)));
}
