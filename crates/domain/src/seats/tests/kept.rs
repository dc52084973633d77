//! Accessible seats and their companions' are kept, and released as the promoter says.

use super::*;
use crate::seats::{Release, Rung, choose};

fn chosen(hall: &Hall, left: &[Seat], wish: Wish) -> Option<Vec<Seat>> {
    choose(hall, &free(hall, left.iter().copied()), &wish, 0).map(|choice| choice.seats)
}

/// A pair for whom a wheelchair place is needed, and one for whom none is, when these seats are left.
fn pairs(hall: &Hall, left: &[Seat]) -> [Option<Vec<Seat>>; 2] {
    [true, false].map(|accessible| chosen(hall, left, Wish { accessible, ..party(2) }))
}

#[test]
fn companions_sit_beside_who_needs_the_place() {
    let hall = rows(&["A0aa", "aaaa"]);
    assert_eq!(pairs(&hall, &[0, 1, 2, 3, 4, 5, 6, 7]), [Some(vec![0, 1]), Some(vec![2, 3])]);
    // A companion's seat alone is for nobody else either, as long as anything else is left.
    assert_eq!(pairs(&hall, &[0, 1, 7]), [Some(vec![0, 1]), None]);
    assert_eq!(pairs(&hall, &[0, 1]), [Some(vec![0, 1]), Some(vec![0, 1])]);
}

/// Whether a pair with a wheelchair still sits when others took all they could.
fn is_left_to_who_needs_it(hall: &Hall) -> bool {
    let mut left = Free::all(hall);
    while left.count() > 3 {
        let choice = choose(hall, &left, &party(1), 0).unwrap();
        choice.seats.iter().for_each(|&seat| assert!(left.take(seat)));
    }
    choose(hall, &left, &Wish { accessible: true, ..party(2) }, 0).is_some()
}

#[test]
fn a_wheelchair_place_is_left_with_its_companion_s() {
    assert!(is_left_to_who_needs_it(&rows(&["A0aa", "aaaa"])));
}

#[test]
fn a_wheelchair_place_is_left_with_its_companion_s_without_keeping_it() {
    assert!(!is_left_to_who_needs_it(&rows(&["Aaaa", "aaaa"])));
}

/// Two sections of two tiers each, both with a wheelchair place and a companion's seat, and a standing area.
fn two_sections(release: Release) -> Hall {
    let mut stretches = stretches(&["A0aa", "bb", "A0aa", "bb"]);
    stretches[2..].iter_mut().for_each(|stretch| stretch.section = 1);
    Hall::new(stretches, vec![Area { tier: 1, first: 12, capacity: 1, quality: 99 }]).unwrap().releasing(release)
}

#[test]
fn the_promoter_says_when_they_are_released() {
    let other = |release, left: &[Seat]| pairs(&two_sections(release), left)[1].clone();
    let (first, second) = (Some(vec![0, 1]), Some(vec![6, 7]));
    // All of the first section is gone.
    for (release, expected) in
        [(Release::House, None), (Release::Section, first.clone()), (Release::Tier, None), (Release::Never, None)]
    {
        assert_eq!(other(release, &[0, 1, 6, 7, 8, 12]), expected, "{release:?}");
    }
    // All of their tier is gone.
    for (release, expected) in
        [(Release::House, None), (Release::Section, None), (Release::Tier, first.clone()), (Release::Never, None)]
    {
        assert_eq!(other(release, &[0, 1, 4, 6, 7, 10, 12]), expected, "{release:?}");
    }
    // Everything but one place in the standing area is gone.
    for (release, expected) in [
        (Release::House, None),
        (Release::Section, second.clone()),
        (Release::Tier, second.clone()),
        (Release::Never, None),
    ] {
        assert_eq!(other(release, &[6, 7, 12]), expected, "{release:?}");
    }
    for release in [Release::House, Release::Section, Release::Tier] {
        assert_eq!(other(release, &[6, 7]), second, "{release:?}");
    }
    assert_eq!(other(Release::Never, &[6, 7]), None);
    assert_eq!(pairs(&two_sections(Release::Never), &[6, 7])[0], second);
}

#[test]
fn a_companion_s_seat_of_another_tier_goes_with_its_wheelchair_place() {
    let hall = rows(&["A1a", "bb"]).releasing(Release::Tier);
    let one = Wish { tiers: 0b10, ..party(1) };
    // Its own tier is sold, but not that of the place beside.
    assert_eq!(chosen(&hall, &[0, 1, 2], one), None);
    assert_eq!(chosen(&hall, &[0, 1], one), Some(vec![1]));
    assert_eq!(chosen(&hall, &[0, 1, 3], one), Some(vec![3]));
}

#[test]
fn a_kept_seat_left_alone_by_both_groups_counts() {
    // The wheelchair place in the middle is left alone whichever pairs are at its sides, unless they keep away from it.
    let hall = rows(&["aaAaa"]);
    let four = choose(&hall, &Free::all(&hall), &Wish { apart: true, ..party(4) }, 0).unwrap();
    assert_eq!((four.seats.as_slice(), four.rung), ([0, 1, 3, 4].as_slice(), Rung::SplitNobodyAlone));
    assert_eq!((four.score.groups, four.score.singles), (2, 1));
    let roomy = rows(&["aaaAaa", "a"]);
    let four = choose(&roomy, &Free::all(&roomy), &Wish { apart: true, ..party(4) }, 0).unwrap();
    // With one more seat before it, a pair can keep away from it.
    assert_eq!((four.seats.as_slice(), four.score.singles), ([0, 1, 4, 5].as_slice(), 0));
}
