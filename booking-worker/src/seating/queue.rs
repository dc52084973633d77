//! Who stands, in order.

use std::collections::{BTreeMap, HashMap};

use domain::order::Rank;
use domain::seats::{Standing, Wish};
use store::joins::Accepts;
use store::seating::StandingRow;
use uuid::Uuid;

/// A wish, as it is kept.
pub const fn wish_of(party: u8, tiers: u32, accepts: Accepts) -> Wish {
    let Accepts { other_tiers, apart, fewer, accessible } = accepts;
    Wish { party, tiers, other_tiers, apart, fewer, accessible }
}

/// A standing place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub wish: Wish,
    /// How many seats it may get at most.
    pub most: u32,
    pub admitted_at_ms: i64,
    /// The count of changes behind the wish.
    pub wished: i16,
    /// Until when free seats are kept for it, once it was told so.
    pub gathers_until_ms: Option<i64>,
    /// Until when it may answer, once it was asked.
    pub asked_until_ms: Option<i64>,
}

impl Waiting {
    /// What ends by itself.
    fn ends_ms(&self) -> impl Iterator<Item = i64> {
        self.gathers_until_ms.into_iter().chain(self.asked_until_ms)
    }
}

/// The standing places of an event's sales.
#[derive(Debug, Default)]
pub struct Queue {
    sales: BTreeMap<Uuid, BTreeMap<Rank, (i64, Waiting)>>,
    ranks: HashMap<(Uuid, i64), Rank>,
}

impl Queue {
    pub fn add(&mut self, row: &StandingRow, number: i64) {
        let waiting = Waiting {
            wish: wish_of(row.party, row.tiers, row.accepts),
            most: row.most.unwrap_or(u32::MAX),
            admitted_at_ms: row.admitted_at_ms,
            wished: row.wished,
            gathers_until_ms: row.gathers_until_ms,
            asked_until_ms: row.asked_until_ms,
        };
        let rank = Rank { class: row.class, number };
        self.ranks.insert((row.sale, row.entry), rank);
        self.sales.entry(row.sale).or_default().insert(rank, (row.entry, waiting));
    }

    /// Answers what was known of the place, if it stood.
    pub fn remove(&mut self, sale: Uuid, entry: i64) -> Option<Waiting> {
        let rank = self.ranks.remove(&(sale, entry))?;
        self.sales.get_mut(&sale)?.remove(&rank).map(|(_, waiting)| waiting)
    }

    /// What is known of a place that stands.
    pub fn of(&mut self, sale: Uuid, entry: i64) -> Option<&mut Waiting> {
        let rank = self.ranks.get(&(sale, entry))?;
        self.sales.get_mut(&sale)?.get_mut(rank).map(|(_, waiting)| waiting)
    }

    /// The places that may get fewer seats than they wish.
    pub fn limited(&self) -> Vec<(Uuid, i64)> {
        let all = self.sales.iter().flat_map(|(sale, line)| line.values().map(move |it| (*sale, it)));
        all.filter(|(_, (_, it))| it.most < u32::from(it.wish.party)).map(|(sale, (entry, _))| (sale, *entry)).collect()
    }

    /// When the next time to gather or to answer is over that is not yet.
    pub fn next_end_ms(&self, now_ms: i64) -> Option<i64> {
        let waiting = self.sales.values().flat_map(BTreeMap::values);
        waiting.flat_map(|(_, waiting)| waiting.ends_ms()).filter(|end_ms| *end_ms > now_ms).min()
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
    pub fn in_order(&self, most: usize, now_ms: i64) -> (Vec<Standing>, Vec<(Uuid, i64)>) {
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
            let goes_on = |until_ms: Option<i64>| until_ms.is_none_or(|until_ms| now_ms < until_ms);
            standing.push(Standing {
                key: names.len() as u64,
                wish: waiting.wish,
                sale: nth,
                most: waiting.most,
                gathers: goes_on(waiting.gathers_until_ms),
                may_be_asked: goes_on(waiting.asked_until_ms),
            });
            names.push((sale, *entry));
        }
        (standing, names)
    }
}

#[cfg(test)]
mod tests {
    use domain::order::Class;

    use super::*;

    fn row(sale: u128, entry: i64, admitted_at_ms: i64) -> StandingRow {
        StandingRow {
            sale: Uuid::from_u128(sale),
            entry,
            party: 2,
            tiers: 0,
            accepts: Accepts::default(),
            most: None,
            class: Class::GENERAL,
            admitted_at_ms,
            wished: 0,
            gathers_until_ms: None,
            asked_until_ms: None,
        }
    }

    #[test]
    fn a_sale_keeps_its_order_and_sales_take_turns_by_admission() {
        let mut queue = Queue::default();
        // Entry 3 of the first sale came back and was let in later than 7, and still goes first.
        for row in [row(1, 7, 100), row(1, 3, 300), row(2, 5, 200), row(2, 6, 400)] {
            queue.add(&row, row.entry);
        }
        let (_, names) = queue.in_order(9, 0);
        let short: Vec<_> = names.iter().map(|(sale, entry)| (sale.as_u128(), *entry)).collect();
        assert_eq!(short, [(2, 5), (1, 3), (1, 7), (2, 6)]);
        assert_eq!(queue.in_order(2, 0).1, names[..2]);
        assert_eq!(queue.len(), 4);
        assert!(queue.remove(Uuid::from_u128(1), 3).is_some());
        assert!(queue.remove(Uuid::from_u128(1), 3).is_none());
        assert_eq!(queue.len(), 3);
    }

    #[test]
    fn who_was_told_of_a_time_keeps_it_until_it_is_over() {
        let mut queue = Queue::default();
        queue.add(&row(1, 1, 100), 1);
        let may = |queue: &Queue, now_ms: i64| {
            let (standing, _) = queue.in_order(9, now_ms);
            (standing[0].gathers, standing[0].may_be_asked)
        };
        assert_eq!((may(&queue, 900), queue.next_end_ms(900)), ((true, true), None));
        let place = queue.of(Uuid::from_u128(1), 1).unwrap();
        (place.gathers_until_ms, place.asked_until_ms) = (Some(500), Some(700));
        assert_eq!((may(&queue, 499), queue.next_end_ms(499)), ((true, true), Some(500)));
        assert_eq!((may(&queue, 500), queue.next_end_ms(500)), ((false, true), Some(700)));
        assert_eq!((may(&queue, 700), queue.next_end_ms(700)), ((false, false), None));
    }
}
