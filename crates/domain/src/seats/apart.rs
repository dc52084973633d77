//! Where a party that does not sit together goes.
//!
//! Nearness comes first: the fewest rows from the foremost to the rearmost group, within one section; only a party for
//! which no section has room is spread over the hall. Among equally narrow places the lowest [`Score`](super::Score) wins. Ties
//! go to the place, and to the run of seats, with the lowest ordinal.

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
    let mut best: Option<Filled<'_>> = None;
    for place in &places {
        if best.as_ref().is_some_and(|best| best.singles == 0 && place.bound > best.cost) {
            break;
        }
        if let Some(filled) = fill(search, &runs[place.runs.clone()], size, least)
            && best.as_ref().is_none_or(|best| filled.key() < best.key())
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
    let mut runs: Vec<Run<'a>> = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for block in search.hall.stretches_in_rows().filter(|block| block.tiers & search.tiers != 0) {
        let from = runs.len();
        let open = search.open.window(block.first, block.len);
        for start in Ones(open & !(open << 1)) {
            let (first, len) = (block.first + start, (open >> start).trailing_ones());
            if len >= least {
                let accessible = search.needs_accessible && search.hall.accessible().window(first, len) != 0;
                // Behind a run that ends one free seat before, the two can leave that one alone together.
                let bridged = runs[from..]
                    .last()
                    .is_some_and(|before| before.first + before.len + 1 == first && search.free.contains(first - 1));
                runs.push(Run { block, first, len, accessible, bridged });
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
    /// In no fewer can it be seated there, and in so many it can.
    groups: usize,
    /// No filling costs less.
    bound: u64,
    runs: Range<usize>,
}

/// The places that span the fewest rows, and of these the ones with the fewest groups, the most promising first.
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
            if let Some(groups) = room.groups(size) {
                if row.at.1 - front.at.1 < narrowest {
                    places.clear();
                    narrowest = row.at.1 - front.at.1;
                }
                let bound = u64::from(best) * u64::from(size);
                places.push(Place { groups, bound, runs: front.runs.start..row.runs.end });
                break;
            }
        }
    }
    let fewest = places.iter().map(|place| place.groups).min();
    places.retain(|place| Some(place.groups) == fewest);
    places.sort_by_key(|place| (place.bound, place.runs.start));
    places
}

/// Which numbers of people some runs seat, as bits, by the number of groups: without and with what the party needs.
struct Room {
    lacking: [u16; GROUPS],
    seated: [u16; GROUPS],
}

/// No party is in more groups than it has people; and it may be in none yet.
const GROUPS: usize = MAX_PARTY as usize + 1;

impl Room {
    fn new(needs_accessible: bool) -> Self {
        let (mut nobody, none) = ([0; GROUPS], [0; GROUPS]);
        nobody[0] = 1;
        if needs_accessible { Self { lacking: nobody, seated: none } } else { Self { lacking: none, seated: nobody } }
    }

    fn add(&mut self, run: &Run<'_>, least: u32) {
        let sizes = least..=run.len.min(u32::from(MAX_PARTY));
        let with_run = |seats: u16| sizes.clone().fold(0, |more, size| more | seats << size);
        for groups in (1..GROUPS).rev() {
            let (lacking, seated) = (self.lacking[groups - 1], self.seated[groups - 1]);
            if lacking | seated != 0 {
                let lacking = with_run(lacking);
                self.seated[groups] |= with_run(seated) | if run.accessible { lacking } else { 0 };
                self.lacking[groups] |= lacking;
            }
        }
    }

    /// In how few groups so many are seated, if they are.
    fn groups(&self, size: u32) -> Option<usize> {
        self.seated.iter().position(|seated| seated >> size & 1 == 1)
    }
}
