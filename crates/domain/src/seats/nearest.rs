//! What is offered to a fan whose own choice of seats was gone.

use super::bits::{Bits, Ones};
use super::{Free, Hall, Seat, Wish, choose};

/// As many seats as `wanted`, of what is free, as near to them as there are some: side by side in the same standing area or
/// section, in the nearest row, at the nearest place in it; else wherever [`choose`] finds the best, first in the same tier. A party
/// that needs an accessible seat is offered one, and those beside it; others none that is kept. Nothing where so many are not left.
pub fn nearest(hall: &Hall, free: &Free, held: &Free, wanted: &[Seat], accessible: bool) -> Option<Vec<Seat>> {
    let first = *wanted.first().filter(|seat| **seat < hall.capacity())?;
    let party = u8::try_from(wanted.len()).ok()?;
    let mut open = free.bits_of(hall).clone();
    if !accessible {
        open.drop_all(&hall.kept_among(free, held));
    }
    if !accessible && let Some(seats) = beside(hall, &open, first, wanted.len() as u32) {
        return Some(seats);
    }
    let wish =
        Wish { party, tiers: 1 << hall.tier_of(first), other_tiers: true, apart: true, fewer: false, accessible };
    let mut may = Free::none_of(hall);
    for seat in open.within(0, open.len()) {
        may.give(seat);
    }
    choose(hall, &may, &wish, 0).map(|choice| choice.seats)
}

fn beside(hall: &Hall, open: &Bits, first: Seat, size: u32) -> Option<Vec<Seat>> {
    let own = hall.block_of(first);
    let Some((section, row)) = own.row else {
        let seats: Vec<Seat> = open.within(own.first, own.len).take(size as usize).collect();
        return (seats.len() == size as usize).then_some(seats);
    };
    // A row's stretches follow one another, aisles between them.
    let begins =
        |row: (u16, u16)| hall.stretches_in_rows().find(|block| block.row == Some(row)).map(|block| block.first);
    let at = first - begins((section, row))?;
    let mut best: Option<((u16, u32), Seat)> = None;
    let mut row_begins = (None, 0);
    for block in hall.stretches_in_rows().filter(|block| block.row.is_some_and(|(of, _)| of == section)) {
        if row_begins.0 != block.row {
            row_begins = (block.row, block.first);
        }
        let rows_off = block.row.map_or(u16::MAX, |(_, other)| other.abs_diff(row));
        let window = open.window(block.first, block.len);
        // Bit i is set where so many seats from i on are free.
        let starts = (1..size).fold(window, |starts, more| starts & window >> more);
        for start in Ones(starts) {
            let seat = block.first + start;
            let key = (rows_off, (seat - row_begins.1).abs_diff(at));
            if best.is_none_or(|(other, _)| key < other) {
                best = Some((key, seat));
            }
        }
    }
    best.map(|(_, seat)| (seat..seat + size).collect())
}
