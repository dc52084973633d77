//! What a sheet says comes back without a difference.

use proptest::prelude::*;

use super::*;
use crate::any_map::{any_map, arena};

/// The map as far as a sheet can tell it.
fn told_by_sheets(map: &SeatMap) -> SeatMap {
    let mut map = SeatMap { size: None, ..map.clone() };
    map.tiers.iter_mut().for_each(|tier| tier.color = None);
    for section in &mut map.sections {
        let origin = (section.x, section.y);
        (section.x, section.y, section.drawing) = (0.0, 0.0, None);
        for row in &mut section.rows {
            for seat in &mut row.seats {
                (seat.x, seat.y, seat.drawing) = (origin.0 + row.x + seat.x, origin.1 + row.y + seat.y, None);
            }
            (row.x, row.y, row.drawing) = (0.0, 0.0, None);
        }
        section.rows.retain(|row| !row.seats.is_empty());
    }
    map.sections.retain(|section| !section.rows.is_empty());
    map
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_map_comes_back_from_its_sheet(map in any_map()) {
        let sheet = export(&map).unwrap();
        let back = import(&sheet, None).unwrap();
        prop_assert_eq!(&back, &told_by_sheets(&map));
        prop_assert_eq!(export(&back).unwrap(), sheet);
    }
}

#[test]
fn an_arena_comes_back_from_its_sheet() {
    let map = arena(60_000);
    assert!(import(&export(&map).unwrap(), None).unwrap() == told_by_sheets(&map));
}

#[test]
fn a_short_sheet_takes_name_and_tiers_from_the_map_in_force() {
    let known = arena(1_000);
    let map = import(b"\xef\xbb\xbftier, seat, row, section\r\ngold,1,1,A\r\ngold,2,1,A\r\n", Some(&known)).unwrap();
    assert_eq!((map.units(), map.faults()), (2, Vec::new()));
    assert_eq!((map.name.as_str(), map.tiers.len()), ("Arena", 3));
    // Without one, there are no tiers, and each seat's is missing.
    let faults = import(b"section,row,seat,tier\nA,1,1,gold\n", None).unwrap().faults();
    assert!(
        faults.iter().any(|fault| fault == r#"section "A", row "1", seat "1": there is no tier "gold""#),
        "{faults:?}"
    );
}

#[test]
fn pieces_of_a_row_become_one_with_an_aisle() {
    let piece = |seat: &str| Row {
        label: "1".into(),
        seats: vec![MapSeat { label: seat.into(), tier: "gold".into(), ..MapSeat::default() }],
        ..Row::default()
    };
    let section = Section { name: "A".into(), rows: vec![piece("1"), piece("2")], ..Section::default() };
    let map = SeatMap { sections: vec![section], ..arena(1_000) };
    let back = import(&export(&map).unwrap(), None).unwrap();
    let seats = &back.sections[0].rows[0].seats;
    assert_eq!(seats.iter().map(|seat| seat.aisle_after).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn each_line_that_cannot_be_read_is_named() {
    let sheet = "section,row,seat,tier,x,capacity,accessible,name,price_minor\n\
        ,,,gold,,,,Gold,9000\n\
        A,1,1,gold,left,,,,\n\
        A,1,2,gold,1,,yes,,\n\
        A,1,3,gold,1,,,,50\n\
        Pit,,,gold,,,,,\n\
        ,,,silver,,,,Silver,\n\
        A,1\n";
    let faults = import(sheet.as_bytes(), None).unwrap_err();
    let expected = [
        "record 3, x: ",
        "record 4, accessible: ",
        "record 5: is about a seat, which has no price_minor",
        "record 6: needs a seat, or the capacity of a standing area",
        "record 7: a tier needs a price_minor",
        "CSV error: record 7",
    ];
    assert_eq!(faults.len(), expected.len(), "{faults:?}");
    for (fault, expected) in faults.iter().zip(expected) {
        assert!(fault.starts_with(expected), "{fault:?} does not begin with {expected:?}");
    }
    for header in ["", "section,row\n", "tier,tier\n", "tier,what\n"] {
        assert!(import(header.as_bytes(), None).unwrap_err()[0].contains("must name columns"), "{header:?}");
    }
}
