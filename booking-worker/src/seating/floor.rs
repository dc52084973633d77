//! Which seats can be had, as far as the holder of the seating knows.

use std::collections::HashMap;

use domain::seats::{Free, Hall, Seat, Share};
use store::feed::{Change, Ending, Record};
use store::seating::TakenSeats;
use uuid::Uuid;

/// The hall with what is free and what unpaid holds have, exactly as of a version of the seats lane, and our own holds that
/// the lane has not told yet. A hint: the unique index on live seats judges.
#[derive(Debug)]
pub struct Floor {
    pub hall: Hall,
    free: Free,
    held: Free,
    /// What each sale has taken.
    taken: HashMap<Uuid, Free>,
    version: i64,
    /// By booking, with its sale: committed by us, not yet read from the lane.
    untold: HashMap<Uuid, (Uuid, Vec<Seat>)>,
}

impl Floor {
    pub fn new(hall: Hall, taken: &TakenSeats) -> Self {
        let (free, held) = (Free::all(&hall), Free::none_of(&hall));
        let mut floor = Self { hall, free, held, taken: HashMap::new(), version: 0, untold: HashMap::new() };
        floor.reset(taken);
        floor
    }

    /// Begins anew from what Postgres says; our holds that the lane has not told yet stay noted.
    pub fn reset(&mut self, taken: &TakenSeats) {
        self.free = Free::all(&self.hall);
        self.held = Free::none_of(&self.hall);
        self.taken.clear();
        self.version = taken.version;
        for ((seat, paid), sale) in taken.seats.iter().zip(&taken.sales) {
            self.free.take(*seat);
            if !paid {
                self.held.give(*seat);
            }
            self.of(*sale).give(*seat);
        }
    }

    /// Notes holds that were just committed.
    pub fn note(&mut self, booking: Uuid, sale: Uuid, seats: Vec<Seat>) {
        self.untold.insert(booking, (sale, seats));
    }

    /// What a sale has taken, as told.
    fn of(&mut self, sale: Uuid) -> &mut Free {
        self.taken.entry(sale).or_insert_with(|| Free::none_of(&self.hall))
    }

    /// What a sale may still take, when `held` is held in all, as [`Floor::now`] says.
    pub fn share(&self, sale: Uuid, allotment: Option<u32>, held: &Free) -> Share {
        let Some(allotment) = allotment else { return Share::ALL };
        let told = self.taken.get(&sale);
        let own = self.untold.values().filter(|(of, _)| *of == sale).flat_map(|(_, seats)| seats);
        let untold = own.filter(|seat| told.is_none_or(|told| !told.contains(**seat))).count() as u32;
        let unpaid = told.map_or(0, |told| told.iter().filter(|seat| held.contains(*seat)).count() as u32);
        Share::of(allotment, told.map_or(0, Free::count) + untold, unpaid + untold)
    }

    /// Whether the lane has told all of our own holds.
    pub fn is_told(&self) -> bool {
        self.untold.is_empty()
    }

    /// Follows a record of the seats lane. Answers whether somebody may be better or worse off for it: seats came free, or
    /// are sold for good.
    pub fn apply(&mut self, record: &Record) -> bool {
        let known = record.version <= self.version;
        let mut matters = false;
        for change in &record.changes {
            match change {
                Change::Held(hold) => {
                    self.untold.remove(&hold.booking);
                    if !known {
                        for &seat in &hold.seats {
                            self.free.take(seat);
                            self.held.give(seat);
                            self.of(hold.sale).give(seat);
                        }
                    }
                }
                Change::Ended { sale, how, seats, .. } => {
                    matters = true;
                    if !known {
                        for &seat in seats {
                            self.held.take(seat);
                            if *how != Ending::Booked {
                                self.free.give(seat);
                                self.of(*sale).take(seat);
                            }
                        }
                    }
                }
                Change::Blocked { seats, .. } | Change::Unblocked { seats, .. } => {
                    matters = true;
                    for &seat in seats.iter().filter(|_| !known) {
                        if matches!(change, Change::Blocked { .. }) {
                            self.free.take(seat);
                        } else {
                            self.free.give(seat);
                        }
                    }
                }
                _ => {}
            }
        }
        self.version = self.version.max(record.version);
        matters
    }

    /// What can be had now, and what may come free.
    pub fn now(&self) -> (Free, Free) {
        let (mut free, mut held) = (self.free.clone(), self.held.clone());
        for &seat in self.untold.values().flat_map(|(_, seats)| seats) {
            if free.take(seat) {
                held.give(seat);
            }
        }
        (free, held)
    }
}

#[cfg(test)]
mod tests {
    use domain::seats::Area;
    use store::feed::{HoldNow, HoldState, Lane, LaneKind};

    use super::*;

    fn floor() -> Floor {
        let area = Area { tier: 0, first: 0, capacity: 10, quality: 0 };
        let taken = TakenSeats { version: 5, seats: vec![(0, true), (1, false)], sales: vec![Uuid::nil(); 2] };
        Floor::new(Hall::new(Vec::new(), vec![area]).unwrap(), &taken)
    }

    fn record(version: i64, changes: Vec<Change>) -> Record {
        let lane = Lane { scope: Uuid::nil(), kind: LaneKind::Seats };
        Record { lane, version, at_ms: 0, changes }
    }

    fn held(booking: u128, seats: &[Seat]) -> Change {
        Change::Held(HoldNow {
            booking: Uuid::from_u128(booking),
            sale: Uuid::nil(),
            entry: 1,
            seats: seats.to_vec(),
            state: HoldState::Held,
            deadline_ms: 0,
            declined: false,
            extended: false,
        })
    }

    fn ended(booking: u128, how: Ending, seats: &[Seat]) -> Change {
        Change::Ended { booking: Uuid::from_u128(booking), sale: Uuid::nil(), entry: 1, how, seats: seats.to_vec() }
    }

    #[test]
    fn own_holds_count_at_once_and_only_once() {
        let mut floor = floor();
        assert_eq!(floor.now().0.count(), 8);
        floor.note(Uuid::from_u128(1), Uuid::nil(), vec![2, 3]);
        let (free, held_now) = floor.now();
        assert_eq!((free.count(), held_now.count()), (6, 3));
        // Of a sale that may have six seats one is sold, and three are held.
        assert_eq!(floor.share(Uuid::nil(), Some(6), &held_now), Share { free: 2, held: 3 });
        assert_eq!(floor.share(Uuid::max(), Some(6), &held_now), Share { free: 6, held: 0 });
        assert_eq!(floor.share(Uuid::nil(), None, &held_now), Share::ALL);
        assert!(!floor.apply(&record(6, vec![held(1, &[2, 3])])));
        assert!(floor.apply(&record(7, vec![ended(1, Ending::Lapsed, &[2, 3])])));
        let (free, held_now) = floor.now();
        assert_eq!((free.count(), held_now.count()), (8, 1));
        assert_eq!(floor.share(Uuid::nil(), Some(6), &held_now), Share { free: 4, held: 1 });
    }

    #[test]
    fn what_the_snapshot_knew_is_not_applied_again() {
        let mut floor = floor();
        // Version 4 freed seat 0, and version 5 sold it again.
        floor.apply(&record(4, vec![ended(9, Ending::Lapsed, &[0])]));
        assert!(!floor.now().0.contains(0));
        floor.apply(&record(6, vec![ended(8, Ending::Booked, &[1])]));
        let (free, held_now) = floor.now();
        assert_eq!((free.count(), held_now.count()), (8, 0));
        floor.apply(&record(7, vec![ended(7, Ending::Refunded, &[0])]));
        assert!(floor.now().0.contains(0));
    }
}
