//! Dividing a party among runs of seats.

use super::choose::Search;
use super::hall::Block;
use super::together::{leaves_single, units};
use super::{MAX_PARTY, Seat};

/// Open units of one block, any number of which from the shortest group on can be a group.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) block: &'a Block,
    pub(super) first: Seat,
    pub(super) len: u32,
    /// Whether an accessible seat is among them; asked only for a party that needs one.
    pub(super) accessible: bool,
    /// Whether one free seat that is not open lies between the run before and this one: groups on both sides leave it alone.
    pub(super) bridged: bool,
}

impl<'a> Run<'a> {
    pub(super) fn of_area(search: &Search<'_>, area: &'a Block, size: u32, least: u32) -> Option<Self> {
        let mut lowest = search.open.within(area.first, area.len).take(size as usize);
        let first = lowest.next()?;
        let len = 1 + lowest.count() as u32;
        (len >= least).then_some(Self { block: area, first, len, accessible: false, bridged: false })
    }

    /// The best groups of this size, by whether they begin where the run does, and end where it does; with an accessible seat in
    /// them, if so asked.
    fn groups(&self, search: &Search<'_>, size: u32, accessible: bool) -> [Option<Part<'a>>; 4] {
        let mut best = [None; 4];
        let part = |first, singles, cost| Part { singles, cost, group: Group { block: self.block, first, size } };
        if self.block.row.is_none() {
            if !accessible {
                best[0] = Some(part(self.first, 0, u64::from(self.block.best) * u64::from(size)));
            }
            return best;
        }
        let (left, right) = leaves_single(search.free.window(self.block.first, self.block.len), size);
        let last = self.first + self.len - size;
        for first in self.first..=last {
            if accessible && search.hall.accessible().window(first, size) == 0 {
                continue;
            }
            let bit = first - self.block.first;
            let singles = (left >> bit & 1) as u32 + (right >> bit & 1) as u32;
            let part = part(first, singles, search.hall.cost(first, size));
            let best = &mut best[usize::from(first == self.first) + 2 * usize::from(first == last)];
            if best.is_none_or(|best| (part.singles, part.cost) < (best.singles, best.cost)) {
                *best = Some(part);
            }
        }
        best
    }
}

/// People who sit side by side.
#[derive(Clone, Copy)]
struct Group<'a> {
    block: &'a Block,
    first: Seat,
    size: u32,
}

/// A group, and what it adds to the score.
#[derive(Clone, Copy)]
struct Part<'a> {
    singles: u32,
    cost: u64,
    group: Group<'a>,
}

/// Groups for the whole party.
pub(super) struct Filled<'a> {
    pub(super) singles: u32,
    pub(super) cost: u64,
    groups: Vec<Group<'a>>,
}

impl Filled<'_> {
    /// The lower, the better.
    pub(super) fn key(&self) -> (usize, u32, u64, Seat) {
        let first = self.groups.iter().map(|group| group.first).min().unwrap_or(Seat::MAX);
        (self.groups.len(), self.singles, self.cost, first)
    }

    pub(super) fn seats(&self, search: &Search<'_>) -> Vec<Seat> {
        let units_of = |group: &Group<'_>| units(&search.open, group.block, group.first, group.size);
        let mut seats: Vec<Seat> = self.groups.iter().flat_map(units_of).collect();
        seats.sort_unstable();
        seats
    }
}

/// How a part of the party is best seated in the runs so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Partly {
    groups: u32,
    singles: u32,
    cost: u64,
    /// Its last group, as a link of the chain of all that were ever tried.
    last: Option<usize>,
}

/// The lowest score: a knapsack over the runs, each giving at most one group. A run is never worth two, since one longer group
/// takes its place.
pub(super) fn fill<'a>(search: &Search<'_>, runs: &[Run<'a>], size: u32, least: u32) -> Option<Filled<'a>> {
    const SIZES: usize = MAX_PARTY as usize + 1;
    // By people seated, by whether what the party needs is among their seats, and by whether a group ends where the run just
    // looked at does.
    let mut table: [[[Option<Partly>; 2]; 2]; SIZES] = Default::default();
    table[0][usize::from(!search.needs_accessible)][0] = Some(Partly { groups: 0, singles: 0, cost: 0, last: None });
    let mut chain: Vec<(Group<'a>, Option<usize>)> = Vec::new();
    for run in runs {
        let before = table;
        for partly in table.iter_mut().flatten() {
            *partly = [partly.iter().flatten().min().copied(), None];
        }
        for part in least..=run.len.min(size) {
            let plain = run.groups(search, part, false);
            let fulfilling = if run.accessible { run.groups(search, part, true) } else { [None; 4] };
            for seated in 0..=(size - part) as usize {
                for (from, to, groups) in [(0, 0, &plain), (1, 1, &plain), (0, 1, &fulfilling)] {
                    for (ends, partly) in (0..).zip(before[seated][from]) {
                        let Some(partly) = partly else { continue };
                        for (edges, part_of) in groups.iter().enumerate() {
                            let Some(Part { singles, cost, group }) = *part_of else { continue };
                            let alone_between = run.bridged && ends == 1 && edges & 1 == 1;
                            let more = Partly {
                                groups: partly.groups + 1,
                                singles: partly.singles + singles + u32::from(alone_between),
                                cost: partly.cost + cost,
                                last: Some(chain.len()),
                            };
                            let best = &mut table[seated + part as usize][to][edges >> 1];
                            if best.is_none_or(|best| more < best) {
                                *best = Some(more);
                                chain.push((group, partly.last));
                            }
                        }
                    }
                }
            }
        }
    }
    let best = table[size as usize][1].into_iter().flatten().min()?;
    let mut groups = Vec::new();
    let mut next = best.last;
    while let Some((group, before)) = next.map(|link| chain[link]) {
        groups.push(group);
        next = before;
    }
    Some(Filled { singles: best.singles, cost: best.cost, groups })
}
