//! Checks of holds: no seat twice, deadlines kept, and ended in time.

use std::collections::BTreeMap;

use contracts::ids::TicketId;
use contracts::places::PlaceState;

use super::tales::HoldTale;
use super::{History, Tales};

/// Times of different transactions may cross by this much without anything having been wrong.
const CROSSING_MS: i64 = 100;
/// How long after its deadline a hold may still stand, in milliseconds, and what the telling may add.
const PROMPT_MS: i64 = 1_000;
const SLACK_MS: i64 = 250;

/// When a hold kept its seats, as far as its fan saw.
pub(super) fn kept(hold: &HoldTale<'_>) -> Vec<(i64, i64)> {
    // Whoever polls learns of the booking without its time: then it was sold when the tickets were first seen, at the latest.
    let sold_ms = hold.booked_ms.or(hold.ticketed_ms);
    let Some(from_ms) = hold.from_ms.or(hold.first_open_ms).or(sold_ms) else { return Vec::new() };
    let sold_until_ms = hold.refunded_ms.unwrap_or(i64::MAX);
    match (hold.ended, sold_ms) {
        // A payment that came too late took the same seats again.
        (Some((_, end_ms)), Some(booked_ms)) if booked_ms > end_ms => {
            vec![(from_ms, end_ms), (booked_ms, sold_until_ms)]
        }
        (_, Some(sold_ms)) => match hold.deadline_until(i64::MAX) {
            // So did this one, maybe: whoever polls may miss the end before.
            Some(deadline_ms) if deadline_ms < sold_ms => vec![(from_ms, deadline_ms), (sold_ms, sold_until_ms)],
            _ => vec![(from_ms, sold_until_ms)],
        },
        (Some((_, end_ms)), None) => vec![(from_ms, end_ms)],
        (None, None) => vec![(from_ms, hold.last_open_ms)],
    }
}

/// No seat is in two holds at one time, and none on two tickets that open the gate.
#[must_use]
pub fn no_seat_twice(_: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut of_seat: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    let mut tickets: BTreeMap<u32, Vec<TicketId>> = BTreeMap::new();
    for (booking, hold) in &tales.holds {
        for span in kept(hold) {
            for seat in hold.seats {
                of_seat.entry(*seat).or_default().push((span, booking));
            }
        }
        for ticket in hold.newest().into_iter().flat_map(|look| &look.tickets).filter(|ticket| ticket.valid) {
            tickets.entry(ticket.seat).or_default().push(ticket.ticket);
        }
    }
    let mut found = Vec::new();
    for (seat, mut spans) in of_seat {
        spans.sort_unstable();
        let mut widest = None;
        for ((from_ms, to_ms), booking) in spans {
            if let Some((until_ms, other)) = widest
                && from_ms + CROSSING_MS < until_ms
                && booking != other
            {
                found.push(format!("seat {seat} was in {other} and in {booking} at {from_ms}"));
            }
            if widest.is_none_or(|(until_ms, _)| to_ms > until_ms) {
                widest = Some((to_ms, booking));
            }
        }
    }
    for (seat, ids) in tickets.iter().filter(|(_, ids)| ids.len() > 1) {
        found.push(format!("seat {seat} has {} valid tickets: {} and {}", ids.len(), ids[0], ids[1]));
    }
    found
}

/// No hold lapses before the deadline its fan was shown.
#[must_use]
pub fn deadline_kept(_: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (booking, hold) in &tales.holds {
        let Some((PlaceState::Lapsed, end_ms)) = hold.ended else { continue };
        if let Some(deadline_ms) = hold.deadline_until(end_ms)
            && end_ms < deadline_ms
        {
            found.push(format!("{booking} lapsed {} ms before the deadline its fan was shown", deadline_ms - end_ms));
        }
    }
    found
}

/// A hold that nobody pays ends within a second of its deadline, unless something was broken then.
#[must_use]
pub fn deadline_prompt(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (booking, hold) in &tales.holds {
        let Some(deadline_ms) = hold.deadline_until(i64::MAX) else { continue };
        if !hold.intents.is_empty() || !hold.confirms.is_empty() || hold.booked_ms.is_some() {
            continue;
        }
        let until_ms = hold.ended.map_or(hold.last_open_ms, |(_, end_ms)| end_ms);
        let late_ms = until_ms - deadline_ms;
        if late_ms > PROMPT_MS + SLACK_MS && !history.disturbed(deadline_ms, until_ms) {
            found.push(format!("{booking} still stood {late_ms} ms after its deadline"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use contracts::bookings::BookingState;
    use contracts::places::PlaceState;

    use crate::checker::Fault;
    use crate::checker::scene::{self, told};
    use crate::crowd::diary::What;

    #[test]
    fn a_seat_in_two_holds_at_once_is_told() {
        let mut history = scene::clean();
        scene::each(&mut history, 2, |what| {
            if let What::Booking(look) = what {
                look.seats = vec![2];
            }
        });
        assert!(told(&history, "no-seat-twice").contains("seat 2 was in bkg_"));
    }

    /// The first of two holders of a seat pays after the other has given it back, and never saw that its own hold had ended.
    fn paid_late(deadline_ms: i64) -> crate::checker::History {
        let mut history = scene::clean();
        scene::each(&mut history, 1, |what| match what {
            What::Saw { sight, .. } if sight.state == PlaceState::Lapsed => {
                (sight.state, sight.changed_at_ms, sight.server_now_ms) = (PlaceState::Booked, 11_000, 11_000);
            }
            What::Saw { sight, .. } => {
                sight.hold.iter_mut().for_each(|hold| hold.deadline_ms = deadline_ms);
            }
            What::Booking(look) => look.deadline_ms = deadline_ms,
            _ => {}
        });
        scene::each(&mut history, 3, |what| match what {
            What::Saw { sight, .. } if sight.state == PlaceState::Booked => sight.state = PlaceState::Released,
            What::Booking(look) => {
                look.state = BookingState::Released;
                look.tickets.clear();
            }
            _ => {}
        });
        history
    }

    #[test]
    fn seats_that_a_late_payment_took_again_were_free_since_the_deadline() {
        assert_eq!(told(&paid_late(9_000), "no-seat-twice"), "");
        assert!(told(&paid_late(9_500), "no-seat-twice").contains("seat 2 was in bkg_"));
    }

    #[test]
    fn two_valid_tickets_for_a_seat_are_told() {
        let mut history = scene::clean();
        scene::each(&mut history, 2, |what| {
            if let What::Booking(look) = what {
                for ticket in &mut look.tickets {
                    ticket.seat = 1;
                }
            }
        });
        assert!(told(&history, "no-seat-twice").contains("seat 1 has 2 valid tickets"));
    }

    fn lapsing_at(ms: i64) -> crate::checker::History {
        let mut history = scene::clean();
        scene::each(&mut history, 1, |what| {
            if let What::Saw { sight, .. } = what
                && sight.state == PlaceState::Lapsed
            {
                sight.changed_at_ms = ms;
            }
        });
        history
    }

    #[test]
    fn a_lapse_before_the_deadline_is_told() {
        assert!(told(&lapsing_at(8_500), "deadline-kept").contains("500 ms before"));
    }

    #[test]
    fn a_lapse_long_after_the_deadline_is_told_unless_something_was_broken() {
        let mut history = lapsing_at(11_000);
        assert!(told(&history, "deadline-prompt").contains("2000 ms after"));
        history.faults.push(Fault { what: "postgres".to_owned(), from_ms: 8_900, back_ms: 10_500 });
        assert_eq!(told(&history, "deadline-prompt"), "");
    }
}
