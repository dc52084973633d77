//! The numbers of a sale, counted from what its fans saw.

use std::collections::{BTreeMap, HashMap, HashSet};

use contracts::bookings::BookingState;
use contracts::ids::BookingId;
use contracts::places::PlaceState;
use serde::Serialize;

use super::history::Fault;
use super::tales::HoldTale;
use super::{History, Tales, heads, holds, line, whole};
use crate::crowd::diary::{Via, What};

/// The numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// People.
    pub fans: usize,
    /// Distinct places.
    pub joined: usize,
    /// Places let in.
    pub admitted: usize,
    /// Holds.
    pub held: usize,
    /// Paid bookings.
    pub paid: usize,
    /// Holds that ran out unpaid.
    pub lapsed: usize,
    /// Holds with at least one seat that an earlier hold gave free.
    pub released_to_next: usize,
    /// Holds whose seats were exchanged for others.
    pub exchanged: usize,
    /// Seats on valid tickets.
    pub seats_sold: usize,
    /// Seats in all.
    pub capacity: u32,
    /// Heads of the sale's log that fans were told, each compared with the published one of its number.
    pub heads_told: usize,
    /// Requests refused by limits.
    pub limited: usize,
    /// From the intended sending of a join to its answer.
    pub join_p99_ms: f64,
    /// From the commit of a change to its arrival at the fan.
    pub push_p99_ms: f64,
    /// From a lapse to the next hold of one of its seats, while seats were scarce. Where a party too large for what came free
    /// stands at the head, that takes until it is served or its time to gather is over: the seats are kept for it that long.
    pub lapse_to_offer_p99_ms: f64,
}

/// Counts.
#[must_use]
pub fn figures(history: &History, tales: &Tales<'_>) -> Figures {
    let mut joins = Vec::new();
    let mut pushes = Vec::new();
    let mut limited = 0;
    for record in history.stories.iter().flat_map(|story| &story.records) {
        match &record.what {
            What::Joined { took_us, .. } => joins.push(*took_us as f64 / 1_000.0),
            What::Saw { via: Via::Push, sight, .. } if sight.changed_at_ms > 0 => {
                pushes.push((record.at_ms - sight.changed_at_ms).max(0) as f64);
            }
            What::Refused(refusal) if refusal.status == 429 => limited += 1,
            _ => {}
        }
    }
    let held: HashSet<_> = tales.holds.values().filter_map(|hold| hold.place).collect();
    let inside = |(id, tale): &(_, &super::tales::PlaceTale<'_>)| tale.was_inside() || held.contains(*id);
    let (released_to_next, mut offers) = releases(tales, history.facts.capacity);
    Figures {
        fans: history.stories.len(),
        joined: tales.places.len(),
        admitted: tales.places.iter().filter(inside).count(),
        held: tales.holds.len(),
        paid: tales.holds.values().filter(|hold| hold.has_tickets()).count(),
        lapsed: tales.holds.values().filter(|hold| lapsed(hold)).count(),
        released_to_next,
        exchanged: tales.holds.values().filter(|hold| !hold.exchanges.is_empty()).count(),
        seats_sold: whole::sold_seats(tales),
        capacity: history.facts.capacity,
        heads_told: heads::told(history).count(),
        limited,
        join_p99_ms: p99(&mut joins),
        push_p99_ms: p99(&mut pushes),
        lapse_to_offer_p99_ms: p99(&mut offers),
    }
}

fn lapsed(hold: &HoldTale<'_>) -> bool {
    matches!(hold.ended, Some((PlaceState::Lapsed, _)))
        || hold.newest().is_some_and(|look| look.state == BookingState::Lapsed)
}

/// With fewer seats free than this, a lapse is what somebody waits for; with more, its seats are some among many.
const SCARCE: i64 = 6;

/// How many seats were free, over time, as far as fans saw.
pub struct Free(BTreeMap<i64, i64>);

impl Free {
    /// By the holds that fans saw.
    #[must_use]
    pub fn of(tales: &Tales<'_>, capacity: u32) -> Self {
        let mut changes: BTreeMap<i64, i64> = BTreeMap::new();
        for hold in tales.holds.values() {
            for (from_ms, to_ms) in holds::kept(hold) {
                *changes.entry(from_ms).or_default() -= hold.seats.len() as i64;
                *changes.entry(to_ms).or_default() += hold.seats.len() as i64;
            }
        }
        let mut free = i64::from(capacity);
        for change in changes.values_mut() {
            free += *change;
            *change = free;
        }
        Self(changes)
    }

    /// At this time.
    #[must_use]
    pub fn at(&self, at_ms: i64) -> i64 {
        self.0.range(..=at_ms).next_back().map_or(i64::MAX, |(_, free)| *free)
    }
}

/// How many holds got seats that others gave free, and how long each lapse waited for the next offer of one of its seats. Only
/// lapses count that somebody waited for: with many seats free, the next in line is given better ones.
pub fn releases(tales: &Tales<'_>, capacity: u32) -> (usize, Vec<f64>) {
    let mut of_seat: HashMap<u32, Vec<_>> = HashMap::new();
    for (booking, hold) in &tales.holds {
        if let Some(from_ms) = hold.from_ms {
            // What was got by an exchange was no offer.
            let offered = hold.exchanges.first().map_or(hold.seats, |exchange| exchange.before);
            for seat in offered {
                of_seat.entry(*seat).or_default().push((from_ms, booking));
            }
        }
    }
    let free = Free::of(tales, capacity);
    let mut next_holds: HashSet<&BookingId> = HashSet::new();
    let mut offers = Vec::new();
    for (booking, hold) in &tales.holds {
        let Some((state, end_ms)) = hold.ended else { continue };
        let later = hold.seats.iter().filter_map(|seat| of_seat.get(seat)).flatten();
        // The hold that follows is committed after the end, but may carry the same millisecond.
        let later: BTreeMap<i64, &BookingId> =
            later.filter(|(from, next)| *from >= end_ms && *next != booking).copied().collect();
        next_holds.extend(later.values().copied());
        let awaited = free.at(end_ms - 1) < SCARCE;
        if let Some((from_ms, _)) = later.first_key_value().filter(|_| awaited && state == PlaceState::Lapsed) {
            offers.push((from_ms - end_ms) as f64);
        }
    }
    (next_holds.len(), offers)
}

/// The value that 99 of 100 do not exceed; 0 without any.
pub fn p99(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let place = (values.len() * 99).div_ceil(100);
    values.get(place.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// The longest time without a movement of the line, around a fault.
#[must_use]
pub fn stood_still_ms(tales: &Tales<'_>, fault: &Fault) -> i64 {
    let times = line::movements(tales);
    let around = times.windows(2).filter(|pair| pair[1] > fault.from_ms && pair[0] < fault.back_ms + 5_000);
    around.map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::scene;

    #[test]
    fn the_small_sale_is_counted() {
        let history = scene::clean();
        let figures = figures(&history, &Tales::of(&history));
        let expected = Figures {
            fans: 5,
            joined: 5,
            admitted: 4,
            held: 4,
            paid: 3,
            lapsed: 1,
            released_to_next: 1,
            exchanged: 0,
            seats_sold: 3,
            capacity: 3,
            heads_told: 5,
            limited: 0,
            join_p99_ms: 0.9,
            push_p99_ms: 2.0,
            lapse_to_offer_p99_ms: 40.0,
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn p99_of_few_is_the_largest() {
        assert!((p99(&mut [3.0, 1.0, 2.0]) - 3.0).abs() < f64::EPSILON);
        assert!((p99(&mut (1..=1_000).map(f64::from).collect::<Vec<_>>()) - 990.0).abs() < f64::EPSILON);
        assert!(p99(&mut []).abs() < f64::EPSILON);
    }

    #[test]
    fn standing_still_is_measured_around_the_fault() {
        let history = scene::clean();
        let fault = Fault { what: "redis".to_owned(), from_ms: 5_500, back_ms: 6_000 };
        assert_eq!(stood_still_ms(&Tales::of(&history), &fault), 4_010);
    }
}
