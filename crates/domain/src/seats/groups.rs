//! Dividing a party among runs of seats.

use super::choose::Search;
use super::hall::Block;
use super::together::units;
use super::{MAX_PARTY, Seat};

/// Open units of one block, any number of which from the shortest group on can be a group.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) block: &'a Block,
    pub(super) first: Seat,
    pub(super) len: u32,
    /// Whether an accessible seat is among them; asked only for a party that needs one.
    pub(super) accessible: bool,
}

impl<'a> Run<'a> {
    pub(super) fn of_area(search: &Search<'_>, area: &'a Block, size: u32, least: u32) -> Option<Self> {
        let mut lowest = search.open.within(area.first, area.len).take(size as usize);
        let first = lowest.next()?;
        let len = 1 + lowest.count() as u32;
        (len >= least).then_some(Self { block: area, first, len, accessible: false })
    }

    /// The best group of this size; with an accessible seat in it, if so asked.
    fn group(&self, search: &Search<'_>, size: u32, accessible: bool) -> Option<(u64, Group<'a>)> {
        let group = |first| Group { block: self.block, first, size };
        if self.block.row.is_none() {
            return (!accessible).then(|| (u64::from(self.block.best) * u64::from(size), group(self.first)));
        }
        let includes = |&first: &Seat| !accessible || search.hall.accessible().window(first, size) != 0;
        let starts = self.first..=self.first + self.len - size;
        let best = starts.filter(includes).map(|first| (search.hall.cost(first, size), first)).min();
        best.map(|(cost, first)| (cost, group(first)))
    }
}

/// People who sit side by side.
#[derive(Clone, Copy)]
struct Group<'a> {
    block: &'a Block,
    first: Seat,
    size: u32,
}

/// Groups for the whole party, or for a part of it while it is being put together.
#[derive(Clone)]
pub(super) struct Filled<'a> {
    pub(super) cost: u64,
    groups: Vec<Group<'a>>,
}

impl<'a> Filled<'a> {
    fn with(&self, cost: u64, group: Group<'a>) -> Self {
        let mut groups = self.groups.clone();
        groups.push(group);
        Self { cost: self.cost + cost, groups }
    }

    pub(super) fn first(&self) -> Seat {
        self.groups.iter().map(|group| group.first).min().unwrap_or(Seat::MAX)
    }

    pub(super) fn seats(&self, search: &Search<'_>) -> Vec<Seat> {
        let units_of = |group: &Group<'_>| units(&search.open, group.block, group.first, group.size);
        let mut seats: Vec<Seat> = self.groups.iter().flat_map(units_of).collect();
        seats.sort_unstable();
        seats
    }
}

/// Fewest groups, then lowest cost: a knapsack over the runs, each giving at most one group. A run is never worth two,
/// since one longer group takes its place.
pub(super) fn fill<'a>(search: &Search<'_>, runs: &[Run<'a>], size: u32, least: u32) -> Option<Filled<'a>> {
    const SIZES: usize = MAX_PARTY as usize + 1;
    // By people seated, and by whether what the party needs is among their seats.
    let mut table: [[Option<Filled<'a>>; 2]; SIZES] = Default::default();
    table[0][usize::from(!search.needs_accessible)] = Some(Filled { cost: 0, groups: Vec::new() });
    for run in runs {
        let sizes = least..=run.len.min(size);
        let group = |accessible: bool| {
            let mut best = [None; SIZES];
            if !accessible || run.accessible {
                sizes.clone().for_each(|size| best[size as usize] = run.group(search, size, accessible));
            }
            best
        };
        let (plain, fulfilling) = (group(false), group(true));
        for total in (least..=size).rev() {
            for part in least..=run.len.min(total) {
                let (total, part) = (total as usize, part as usize);
                for (before, after, groups) in [(0, 0, &plain), (1, 1, &plain), (0, 1, &fulfilling)] {
                    let (Some(filled), Some((cost, group))) = (&table[total - part][before], groups[part]) else {
                        continue;
                    };
                    let key = (filled.groups.len() + 1, filled.cost + cost);
                    if table[total][after].as_ref().is_none_or(|best| key < (best.groups.len(), best.cost)) {
                        table[total][after] = Some(filled.with(cost, group));
                    }
                }
            }
        }
    }
    table[size as usize][1].take()
}
