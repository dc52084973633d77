//! What is offered instead of seats that are gone.

use super::*;
use crate::seats::nearest;

#[test]
fn the_same_row_comes_first_then_the_next_at_the_same_place_then_the_tier_then_anything() {
    let hall = rows(&["aaaaaaaa", "aaaaaaaa", "bbbb"]);
    let held = Free::none_of(&hall);
    let of = |free: &Free, wanted: &[Seat]| nearest(&hall, free, &held, wanted, false);
    // Seats 3 and 4 are gone: 5 and 6 are as near as 1 and 2, which come first.
    assert_eq!(of(&free(&hall, [0, 1, 2, 5, 6, 7, 12]), &[3, 4]), Some(vec![1, 2]));
    assert_eq!(of(&free(&hall, [0, 1, 5, 6, 7]), &[3, 4]), Some(vec![5, 6]));
    // Not beside each other in the row: the row behind, at the same place.
    assert_eq!(of(&free(&hall, [2, 5, 8, 9, 10, 11, 12, 13]), &[3, 4]), Some(vec![11, 12]));
    // No two together in the section: apart, in the same tier if there are two, else in another.
    assert_eq!(of(&free(&hall, [2, 12, 17, 19]), &[3, 4]), Some(vec![2, 12]));
    assert_eq!(of(&free(&hall, [2, 17]), &[3, 4]), Some(vec![2, 17]));
    assert_eq!(of(&free(&hall, [2]), &[3, 4]), None);
    assert_eq!(of(&free(&hall, [2]), &[]), None);
    assert_eq!(of(&free(&hall, [2]), &[99]), None);
}

#[test]
fn places_of_an_area_are_alike() {
    let hall = rows_and_areas(&["aaa"], &[(1, 4), (2, 4)]);
    let held = Free::none_of(&hall);
    assert_eq!(nearest(&hall, &free(&hall, [0, 1, 4, 6, 7, 8]), &held, &[3, 5], false), Some(vec![4, 6]));
    assert_eq!(nearest(&hall, &free(&hall, [0, 1, 4, 7, 8]), &held, &[3, 5], false), Some(vec![0, 1]), "the best left");
}

#[test]
fn kept_seats_are_offered_to_those_who_need_them() {
    let hall = rows(&["aaAA"]);
    let held = free(&hall, [0]);
    let open = free(&hall, [2, 3]);
    assert_eq!(nearest(&hall, &open, &held, &[1], false), None, "somebody may give seat 0 back");
    assert_eq!(nearest(&hall, &open, &held, &[1], true), Some(vec![2]));
    assert_eq!(nearest(&hall, &open, &Free::none_of(&hall), &[1], false), Some(vec![2]), "nothing else is left");
}

#[test]
fn who_needs_an_accessible_seat_is_offered_one() {
    let hall = rows(&["aAaaaa", "Aaaa"]);
    let held = Free::none_of(&hall);
    let open = free(&hall, [2, 3, 6, 7]);
    assert_eq!(nearest(&hall, &open, &held, &[1], true), Some(vec![6]), "not the seat beside");
    assert_eq!(nearest(&hall, &open, &held, &[1, 2], true), Some(vec![6, 7]));
}

#[test]
fn an_aisle_parts_but_does_not_move_a_place() {
    let stretch = |row, first, len: usize| {
        let spec = SeatSpec { tier: 0, quality: 0, accessible: false, companion: false };
        Stretch { section: 0, row, first, seats: vec![spec; len] }
    };
    let hall = Hall::new(vec![stretch(0, 0, 4), stretch(0, 4, 4), stretch(1, 8, 8)], Vec::new()).unwrap();
    let held = Free::none_of(&hall);
    // 3 and 4 are on both sides of the aisle.
    assert_eq!(nearest(&hall, &free(&hall, [3, 4, 13, 14]), &held, &[5, 6], false), Some(vec![13, 14]));
}
