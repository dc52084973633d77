//! Which seats can be had, as far as the holder of the seating knows.

use std::collections::HashMap;

use domain::seats::{Free, Hall, Seat, Share};
use store::feed::{Change, HoldNow, Record};
use store::seating::TakenSeats;
use store::seats_now::SeatsNow;
use uuid::Uuid;

/// The hall with what is free and what unpaid holds have, exactly as of a version of the seats lane, and our own holds that
/// the lane has not told yet. A hint: the unique index on live seats judges.
#[derive(Debug)]
pub struct Floor {
    pub hall: Hall,
    seats: SeatsNow,
    /// What each sale has taken.
    taken: HashMap<Uuid, Free>,
    /// By booking, with its sale: committed by us, not yet read from the lane.
    untold: HashMap<Uuid, (Uuid, Vec<Seat>)>,
}

impl Floor {
    pub fn new(hall: Hall, taken: &TakenSeats) -> Self {
        let seats = SeatsNow::new(&hall, taken);
        let mut floor = Self { hall, seats, taken: HashMap::new(), untold: HashMap::new() };
        floor.count(taken);
        floor
    }

    /// Begins anew from what Postgres says; our holds that the lane has not told yet stay noted.
    pub fn reset(&mut self, taken: &TakenSeats) {
        self.seats = SeatsNow::new(&self.hall, taken);
        self.count(taken);
    }

    fn count(&mut self, taken: &TakenSeats) {
        self.taken.clear();
        for ((seat, _), sale) in taken.seats.iter().zip(&taken.sales) {
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
        let new = self.seats.apply(record);
        let mut matters = false;
        for change in &record.changes {
            if let Change::Held(HoldNow { booking, .. }) | Change::Exchanged { booking, .. } = change {
                self.untold.remove(booking);
            }
            let moves = change.seats();
            // Whoever is told that seats were blocked may have hoped for them.
            matters |=
                !moves.freed.is_empty() || !moves.paid.is_empty() || moves.sale.is_none() && !moves.taken.is_empty();
            if let Some(sale) = moves.sale.filter(|_| new) {
                let of_sale = self.of(sale);
                for &seat in moves.taken {
                    of_sale.give(seat);
                }
                for &seat in moves.freed {
                    of_sale.take(seat);
                }
            }
        }
        matters
    }

    /// What can be had now, and what may come free.
    pub fn now(&self) -> (Free, Free) {
        let (mut free, mut held) = (self.seats.free.clone(), self.seats.held.clone());
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
    use store::exchanges::ExchangeNow;
    use store::feed::{Ending, HoldState, Lane, LaneKind};

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
            exchange: ExchangeNow::Not,
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
