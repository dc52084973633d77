//! Where a party that does not sit together goes.
//!
//! Nearness comes first: the fewest rows from the foremost to the rearmost group, within one section; only a party for
//! which no section has room is spread over the hall. Among equally narrow places each is filled with as few groups as it
//! permits, then the best seats; and the place with the lowest sum of qualities wins. Ties go to the place, and to the
//! run of seats, with the lowest ordinal.

use std::ops::Range;

use super::bits::Ones;
use super::choose::Search;
use super::groups::{Filled, Run, fill};
use super::{MAX_PARTY, Seat};

/// Seats for `size` people in groups of at least `least`.
pub(super) fn apart(search: &Search<'_>, size: u32, least: u32) -> Option<Vec<Seat>> {
    if size < 2 * least {
        return None;
    }
    let (mut runs, rows) = runs_in_rows(search, least);
    let places = narrowest(search, &runs, &rows, size, least);
    let mut best: Option<Filled> = None;
    for place in &places {
        if best.as_ref().is_some_and(|best| place.bound > best.cost) {
            break;
        }
        if let Some(filled) = fill(search, &runs[place.runs.clone()], size, least)
            && best.as_ref().is_none_or(|best| (filled.cost, filled.first()) < (best.cost, best.first()))
        {
            best = Some(filled);
        }
    }
    if best.is_none() {
        runs.extend(search.hall.areas().filter_map(|area| Run::of_area(search, area, size, least)));
        best = fill(search, &runs, size, least);
    }
    best.map(|filled| filled.seats(search))
}

/// The open runs of one row of a section.
struct Row {
    at: (u16, u16),
    runs: Range<usize>,
    /// No seat of it is better.
    best: u32,
}

/// Every run that has room for a group, row by row.
fn runs_in_rows<'a>(search: &Search<'a>, least: u32) -> (Vec<Run<'a>>, Vec<Row>) {
    let mut runs = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for block in search.hall.stretches_in_rows().filter(|block| block.tiers & search.tiers != 0) {
        let from = runs.len();
        let open = search.open.window(block.first, block.len);
        for start in Ones(open & !(open << 1)) {
            let (first, len) = (block.first + start, (open >> start).trailing_ones());
            if len >= least {
                let accessible = search.needs_accessible && search.hall.accessible().window(first, len) != 0;
                runs.push(Run { block, first, len, accessible });
            }
        }
        if let Some(at) = block.row.filter(|_| runs.len() > from) {
            match rows.last_mut().filter(|row| row.at == at) {
                Some(row) => {
                    row.runs.end = runs.len();
                    row.best = row.best.min(block.best);
                }
                None => rows.push(Row { at, runs: from..runs.len(), best: block.best }),
            }
        }
    }
    (runs, rows)
}

/// Neighbouring rows with room for the party.
struct Place {
    /// No filling costs less.
    bound: u64,
    runs: Range<usize>,
}

/// The places that span the fewest rows, the most promising first.
fn narrowest(search: &Search<'_>, runs: &[Run<'_>], rows: &[Row], size: u32, least: u32) -> Vec<Place> {
    let mut narrowest = u16::MAX;
    let mut places = Vec::new();
    for (from, front) in rows.iter().enumerate() {
        let mut room = Room::new(search.needs_accessible);
        let mut best = u32::MAX;
        for row in &rows[from..] {
            if row.at.0 != front.at.0 || row.at.1 - front.at.1 > narrowest {
                break;
            }
            best = best.min(row.best);
            runs[row.runs.clone()].iter().for_each(|run| room.add(run, least));
            if room.seats(size) {
                if row.at.1 - front.at.1 < narrowest {
                    places.clear();
                    narrowest = row.at.1 - front.at.1;
                }
                places.push(Place { bound: u64::from(best) * u64::from(size), runs: front.runs.start..row.runs.end });
                break;
            }
        }
    }
    places.sort_by_key(|place| (place.bound, place.runs.start));
    places
}

/// Which numbers of people some runs seat, as bits: without and with what the party needs.
struct Room {
    lacking: u16,
    seated: u16,
}

impl Room {
    fn new(needs_accessible: bool) -> Self {
        if needs_accessible { Self { lacking: 1, seated: 0 } } else { Self { lacking: 0, seated: 1 } }
    }

    fn add(&mut self, run: &Run<'_>, least: u32) {
        let sizes = least..=run.len.min(u32::from(MAX_PARTY));
        let with_run = |seats: u16| sizes.clone().fold(0, |more, size| more | seats << size);
        let with_need = if run.accessible { with_run(self.lacking) } else { 0 };
        self.seated |= with_run(self.seated) | with_need;
        self.lacking |= with_run(self.lacking);
    }

    fn seats(&self, size: u32) -> bool {
        self.seated >> size & 1 == 1
    }
}
