//! What the seat rules promise: by example, and against an exhaustive search of small halls.

mod exchange;
mod halls;
mod kept;
mod line;
mod nearest;
mod oracle;
mod rungs;
mod sale_out;

use super::{Area, Free, Hall, Seat, SeatSpec, Stretch, Wish};

/// One stretch per row of a single section, from the front; a letter is a seat's tier (`a` is 0), a capital one is
/// accessible, a digit a companion's (of the tier with that index). Rows further back are worse, seats of a row alike.
fn rows(rows: &[&str]) -> Hall {
    Hall::new(stretches(rows), Vec::new()).unwrap()
}

fn stretches(rows: &[&str]) -> Vec<Stretch> {
    let mut first = 0;
    let stretch = |(row, letters): (u16, &&str)| {
        let spec = |letter: u8| SeatSpec {
            tier: if letter.is_ascii_digit() { letter - b'0' } else { letter.to_ascii_lowercase() - b'a' },
            quality: u32::from(row) * 10,
            accessible: letter.is_ascii_uppercase(),
            companion: letter.is_ascii_digit(),
        };
        let stretch = Stretch { section: 0, row, first, seats: letters.bytes().map(spec).collect() };
        first += letters.len() as Seat;
        stretch
    };
    (0..).zip(rows).map(stretch).collect()
}

/// `rows`, then standing areas as (tier, units), each worse than any seat.
fn rows_and_areas(rows: &[&str], areas: &[(u8, u32)]) -> Hall {
    let mut first = rows.iter().map(|row| row.len() as Seat).sum();
    let area = |&(tier, capacity): &(u8, u32)| {
        let area = Area { tier, first, capacity, quality: 1000 };
        first += capacity;
        area
    };
    Hall::new(stretches(rows), areas.iter().map(area).collect()).unwrap()
}

fn free(hall: &Hall, seats: impl IntoIterator<Item = Seat>) -> Free {
    let mut free = Free::none_of(hall);
    for seat in seats {
        assert!(free.give(seat));
    }
    free
}

/// A party that accepts nothing but any tier, together.
fn party(party: u8) -> Wish {
    Wish { party, tiers: 0, other_tiers: false, apart: false, fewer: false, accessible: false }
}
