//! Which of an event's seats can be had, in memory: exactly as of a version of its seats lane, and what changed lately. A hint: the
//! unique index on live seats judges.

use std::collections::{BTreeSet, VecDeque};

use domain::seats::{Free, Hall};

use crate::feed::{LaneKind, Record};
use crate::seating::TakenSeats;

/// Versions of which it is known what they changed, at most.
const LATELY: usize = 4_096;
/// Seats that these touched, at most, but for the last.
const LATELY_SEATS: usize = 65_536;
/// Touched seats told at once, at most: of more, all seats are asked for.
const TOLD: usize = 4_096;

/// The seats that nobody has, and those of unpaid holds.
#[derive(Debug, Clone)]
pub struct SeatsNow {
    /// Nobody's.
    pub free: Free,
    /// In holds that are not paid.
    pub held: Free,
    version: i64,
    /// The seats that each of the last versions touched.
    lately: VecDeque<Vec<u32>>,
    lately_seats: usize,
}

/// The seats touched after one version up to another, each as it is then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeatsMoved {
    /// Nothing is said of this version and those before.
    pub after: i64,
    /// The last version that it speaks of.
    pub upto: i64,
    /// Somebody's now, ascending.
    pub taken: Vec<u32>,
    /// Nobody's now, ascending.
    pub freed: Vec<u32>,
}

impl SeatsNow {
    /// As Postgres says.
    #[must_use]
    pub fn new(hall: &Hall, taken: &TakenSeats) -> Self {
        let (mut free, mut held) = (Free::all(hall), Free::none_of(hall));
        for (seat, paid) in &taken.seats {
            free.take(*seat);
            if !paid {
                held.give(*seat);
            }
        }
        Self { free, held, version: taken.version, lately: VecDeque::new(), lately_seats: 0 }
    }

    /// The version of the seats lane that this is as of.
    #[must_use]
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// Follows a record of the seats lane; of a version that it knows, nothing. Answers whether it was new.
    pub fn apply(&mut self, record: &Record) -> bool {
        if record.lane.kind != LaneKind::Seats || record.version <= self.version {
            return false;
        }
        let mut touched = Vec::new();
        for moves in record.changes.iter().map(crate::feed::Change::seats) {
            for &seat in moves.taken {
                self.free.take(seat);
                if moves.sale.is_some() {
                    self.held.give(seat);
                }
            }
            for &seat in moves.freed {
                self.held.take(seat);
                self.free.give(seat);
            }
            for &seat in moves.paid {
                self.held.take(seat);
            }
            touched.extend(moves.taken.iter().chain(moves.freed));
        }
        self.version = record.version;
        self.lately_seats += touched.len();
        self.lately.push_back(touched);
        while self.lately.len() > LATELY || self.lately.len() > 1 && self.lately_seats > LATELY_SEATS {
            self.lately_seats -= self.lately.pop_front().map_or(0, |touched| touched.len());
        }
        true
    }

    /// What changed after a version; nothing where that is too long ago to be known, or too much to be told.
    #[must_use]
    pub fn since(&self, after: i64) -> Option<SeatsMoved> {
        let missed = usize::try_from((self.version - after).max(0)).ok().filter(|n| *n <= self.lately.len())?;
        if self.lately.iter().rev().take(missed).map(Vec::len).sum::<usize>() > TOLD {
            return None;
        }
        let touched: BTreeSet<u32> = self.lately.iter().rev().take(missed).flatten().copied().collect();
        let (freed, taken) = touched.into_iter().partition(|seat| self.free.contains(*seat));
        Some(SeatsMoved { after: after.min(self.version), upto: self.version, taken, freed })
    }
}

#[cfg(test)]
mod tests {
    use domain::seats::Area;
    use uuid::Uuid;

    use super::*;
    use crate::feed::{Change, Lane};

    fn record(version: i64, taken: &[u32], freed: &[u32]) -> Record {
        let ids = (Uuid::from_u128(1), Uuid::from_u128(2));
        let (taken, freed) = (taken.to_vec(), freed.to_vec());
        let change = Change::Exchanged { booking: ids.0, sale: ids.1, entry: 1, taken, freed };
        Record { lane: Lane { scope: ids.0, kind: LaneKind::Seats }, version, at_ms: 0, changes: vec![change] }
    }

    fn seats() -> SeatsNow {
        let area = Area { tier: 0, first: 0, capacity: 10, quality: 0 };
        let hall = Hall::new(Vec::new(), vec![area]).unwrap();
        let sales = vec![Uuid::nil(); 2];
        SeatsNow::new(&hall, &TakenSeats { version: 5, seats: vec![(0, true), (1, false)], sales })
    }

    #[test]
    fn what_was_touched_is_told_as_it_is_now() {
        let mut now = seats();
        assert!(!now.apply(&record(5, &[7], &[])), "known");
        assert!(now.apply(&record(6, &[2, 3], &[1])));
        assert!(now.apply(&record(7, &[1], &[3])));
        let moved = |after, taken: &[u32], freed: &[u32]| {
            Some(SeatsMoved { after, upto: 7, taken: taken.to_vec(), freed: freed.to_vec() })
        };
        assert_eq!(now.since(5), moved(5, &[1, 2], &[3]));
        assert_eq!(now.since(6), moved(6, &[1], &[3]));
        assert_eq!(now.since(7), moved(7, &[], &[]));
        assert_eq!(now.since(9), moved(7, &[], &[]), "of a node that is ahead");
        assert_eq!(now.since(4), None);
        assert_eq!((now.free.count(), now.held.count()), (7, 2));
    }

    #[test]
    fn what_is_too_much_is_not_told() {
        let mut now = seats();
        let much: Vec<u32> = (0..10).cycle().take(TOLD).collect();
        now.apply(&record(6, &much, &[]));
        assert!(now.since(5).is_some());
        now.apply(&record(7, &[3], &[]));
        assert_eq!(now.since(5), None);
        assert_eq!(now.since(6).map(|moved| moved.taken), Some(vec![3]));
        for version in 8..8 + (LATELY_SEATS / TOLD) as i64 {
            now.apply(&record(version, &much, &[]));
        }
        assert!(now.lately_seats <= LATELY_SEATS && now.lately.len() < 20, "what is kept is bounded");
    }

    #[test]
    fn what_is_too_long_ago_is_not_known_any_more() {
        let mut now = seats();
        for version in 6..6 + LATELY as i64 {
            now.apply(&record(version, &[4], &[]));
        }
        assert!(now.since(5).is_some());
        now.apply(&record(6 + LATELY as i64, &[], &[4]));
        assert_eq!(now.since(5), None);
        assert_eq!(now.since(6).map(|moved| moved.freed), Some(vec![4]));
    }
}
