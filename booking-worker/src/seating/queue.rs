//! Who stands, in order.

use std::collections::{BTreeMap, HashMap};

use domain::order::Rank;
use domain::seats::{Standing, Wish};
use store::seating::StandingRow;
use uuid::Uuid;

/// A standing place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub wish: Wish,
    pub admitted_at_ms: i64,
}

/// The standing places of an event's sales.
#[derive(Debug, Default)]
pub struct Queue {
    sales: BTreeMap<Uuid, BTreeMap<Rank, (i64, Waiting)>>,
    ranks: HashMap<(Uuid, i64), Rank>,
}

impl Queue {
    pub fn add(&mut self, row: &StandingRow, number: i64) {
        let wish = Wish {
            party: row.party,
            tiers: row.tiers,
            other_tiers: row.accepts.other_tiers,
            apart: row.accepts.apart,
            fewer: row.accepts.fewer,
            accessible: row.accepts.accessible,
        };
        let waiting = Waiting { wish, admitted_at_ms: row.admitted_at_ms };
        let rank = Rank { class: row.class, number };
        self.ranks.insert((row.sale, row.entry), rank);
        self.sales.entry(row.sale).or_default().insert(rank, (row.entry, waiting));
    }

    /// Answers what was known of the place, if it stood.
    pub fn remove(&mut self, sale: Uuid, entry: i64) -> Option<Waiting> {
        let rank = self.ranks.remove(&(sale, entry))?;
        self.sales.get_mut(&sale)?.remove(&rank).map(|(_, waiting)| waiting)
    }

    pub fn len(&self) -> usize {
        self.ranks.len()
    }

    /// The sales that anybody stands in or stood in, in the order of their indices.
    pub fn sales(&self) -> impl Iterator<Item = Uuid> {
        self.sales.keys().copied()
    }

    /// The first `most` in order, each with its sale and entry: within a sale by rank, across sales whoever's head was let in
    /// first. The keys are the indices.
    pub fn in_order(&self, most: usize) -> (Vec<Standing>, Vec<(Uuid, i64)>) {
        // Sales of the same millisecond have an order too.
        let mut heads: Vec<_> =
            (0..).zip(&self.sales).map(|(nth, (sale, line))| (nth, *sale, line.iter().peekable())).collect();
        let mut standing = Vec::with_capacity(most.min(self.len()));
        let mut names = Vec::with_capacity(most.min(self.len()));
        while names.len() < most {
            let next = heads
                .iter_mut()
                .filter_map(|(nth, sale, line)| {
                    line.peek().map(|(rank, (_, it))| (it.admitted_at_ms, **rank)).map(|at| (at, *nth, *sale, line))
                })
                .min_by_key(|(at, ..)| *at);
            let Some((_, nth, sale, line)) = next else { break };
            let Some((_, (entry, waiting))) = line.next() else { break };
            standing.push(Standing { key: names.len() as u64, wish: waiting.wish, sale: nth });
            names.push((sale, *entry));
        }
        (standing, names)
    }
}

#[cfg(test)]
mod tests {
    use domain::order::Class;
    use store::joins::Accepts;

    use super::*;

    fn row(sale: u128, entry: i64, admitted_at_ms: i64) -> StandingRow {
        StandingRow {
            sale: Uuid::from_u128(sale),
            entry,
            party: 2,
            tiers: 0,
            accepts: Accepts::default(),
            class: Class::GENERAL,
            admitted_at_ms,
        }
    }

    #[test]
    fn a_sale_keeps_its_order_and_sales_take_turns_by_admission() {
        let mut queue = Queue::default();
        // Entry 3 of the first sale came back and was let in later than 7, and still goes first.
        for row in [row(1, 7, 100), row(1, 3, 300), row(2, 5, 200), row(2, 6, 400)] {
            queue.add(&row, row.entry);
        }
        let (_, names) = queue.in_order(9);
        let short: Vec<_> = names.iter().map(|(sale, entry)| (sale.as_u128(), *entry)).collect();
        assert_eq!(short, [(2, 5), (1, 3), (1, 7), (2, 6)]);
        assert_eq!(queue.in_order(2).1, names[..2]);
        assert_eq!(queue.len(), 4);
        assert!(queue.remove(Uuid::from_u128(1), 3).is_some());
        assert!(queue.remove(Uuid::from_u128(1), 3).is_none());
        assert_eq!(queue.len(), 3);
    }
}
