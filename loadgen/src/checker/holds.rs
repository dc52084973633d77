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

/// Which seats a hold kept, and when: after an exchange it has others, and those before may be anybody's.
fn seats_kept<'a>(hold: &HoldTale<'a>) -> Vec<((i64, i64), &'a [u32])> {
    let mut kept: Vec<((i64, i64), &'a [u32])> = Vec::new();
    for (from_ms, to_ms) in self::kept(hold) {
        let mut since_ms = from_ms;
        for exchange in &hold.exchanges {
            kept.push(((since_ms, exchange.until_ms.min(to_ms)), exchange.before));
            since_ms = exchange.since_ms.max(from_ms);
        }
        kept.push(((since_ms, to_ms), hold.seats));
    }
    kept.retain(|((from_ms, to_ms), _)| from_ms <= to_ms);
    kept
}

/// No seat is in two holds at one time, and none on two tickets that open the gate.
#[must_use]
pub fn no_seat_twice(_: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut of_seat: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    let mut tickets: BTreeMap<u32, Vec<TicketId>> = BTreeMap::new();
    for (booking, hold) in &tales.holds {
        for (span, seats) in seats_kept(hold) {
            for seat in seats {
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

/// Held seats are changed for others once at most, for as many, and because the fan asked for it.
#[must_use]
pub fn exchanged_once(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    // Who picks may change their mind.
    if history.facts.picks {
        return found;
    }
    for (booking, hold) in tales.holds.iter().filter(|(_, hold)| !hold.exchanges.is_empty()) {
        let before = hold.exchanges[0].before;
        if !hold.asked_for_others {
            found.push(format!("the seats of {booking} became others, for which nobody asked"));
        }
        if hold.exchanges.len() > 1 {
            found.push(format!("the seats of {booking} became others {} times", hold.exchanges.len()));
        }
        if before.len() != hold.seats.len() {
            found.push(format!("{booking} got {} seats for {}", hold.seats.len(), before.len()));
        }
    }
    found
}

/// What was said to be held after a pick is what the booking has from then on, until the next pick.
#[must_use]
pub fn picked_seats_kept(_: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (booking, hold) in tales.holds.iter().filter(|(_, hold)| !hold.picks.is_empty()) {
        if hold.place.and_then(|place| tales.places.get(&place)).is_some_and(|place| place.pick_unanswered) {
            continue;
        }
        for look in hold.looks.iter().filter(|look| !look.seats.is_empty()) {
            let before = hold.picks.iter().filter(|(said_ms, _)| *said_ms <= look.server_now_ms).max_by_key(|it| it.0);
            // Another window may look before the answer to a pick comes.
            let after = hold.picks.iter().filter(|(said_ms, _)| *said_ms > look.server_now_ms).min_by_key(|it| it.0);
            if let Some((_, seats)) = before
                && *seats != look.seats
                && after.is_none_or(|(_, next)| *next != look.seats)
            {
                found.push(format!("{booking} was said to hold {seats:?} and then had {:?}", look.seats));
            }
        }
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
    use contracts::bookings::{BookingState, ExchangeState};
    use contracts::places::PlaceState;

    use crate::checker::Fault;
    use crate::checker::scene::{self, told};
    use crate::crowd::diary::{Act, What};

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

    /// Fan 1 exchanges seat 2 for seat 9 at 5 000, and fan 3 is held seat 2 then, or at some other time.
    fn exchanged(asks: bool, seats: &[u32], next_ms: i64) -> crate::checker::History {
        let mut history = scene::clean();
        let at = history.stories[1].records.len() - 2;
        let mut exchanged = scene::holding(5_000, 1, 9_000);
        if let What::Saw { sight, .. } = &mut exchanged.what
            && let Some(hold) = &mut sight.hold
        {
            hold.exchange = Some(ExchangeState::Done);
        }
        let mut look = scene::look(1, 9, BookingState::Held, 5_020);
        (look.deadline_ms, look.seats) = (9_000, seats.to_vec());
        let news = [exchanged, scene::at(5_025, What::Booking(look))];
        history.stories[1].records.splice(at..at, news);
        if asks {
            let did = What::Did { place: scene::place(1), act: Act::Exchange };
            history.stories[1].records.insert(at, scene::at(4_900, did));
        }
        scene::each(&mut history, 3, |what| {
            if let What::Saw { sight, .. } = what
                && sight.state == PlaceState::Holding
            {
                sight.changed_at_ms = next_ms;
            }
        });
        history
    }

    #[test]
    fn seats_given_up_for_others_are_anybodys_from_then_on() {
        assert_eq!(told(&exchanged(true, &[9], 5_000), "no-seat-twice"), "");
        assert!(told(&exchanged(true, &[9], 4_500), "no-seat-twice").contains("seat 2 was in bkg_"));
        // Without the exchange, they were not before the lapse.
        assert!(told(&exchanged(true, &[2], 5_000), "no-seat-twice").contains("seat 2 was in bkg_"));
        // What was got instead is somebody's since then: fan 2 has seat 3 from 4 000 on.
        assert!(told(&exchanged(true, &[3], 5_000), "no-seat-twice").contains("seat 3 was in bkg_"));
    }

    #[test]
    fn seats_that_become_others_unasked_again_or_not_as_many_are_told() {
        assert_eq!(told(&exchanged(true, &[9], 5_000), "exchanged-once"), "");
        assert!(told(&exchanged(false, &[9], 5_000), "exchanged-once").contains("for which nobody asked"));
        assert!(told(&exchanged(true, &[8, 9], 5_000), "exchanged-once").contains("2 seats for 1"));
        let mut again = exchanged(true, &[9], 5_000);
        let look = scene::look(1, 7, BookingState::Held, 6_000);
        again.stories[1].records.push(scene::at(6_005, What::Booking(look)));
        assert!(told(&again, "exchanged-once").contains("became others 2 times"));
    }

    #[test]
    fn picked_seats_that_the_booking_does_not_have_are_told() {
        let picked = |seats: &[u32], unanswered: bool| {
            let mut history = scene::clean();
            let look = scene::look(1, 2, BookingState::Held, 0);
            let picks = [(3_000, vec![5]), (3_005, seats.to_vec())];
            let records = &mut history.stories[1].records;
            for (server_now_ms, seats) in picks {
                let said = What::Picked { booking: look.booking, seats, server_now_ms };
                records.insert(records.len() - 2, scene::at(server_now_ms, said));
            }
            if unanswered {
                let did = What::Did { place: scene::place(1), act: Act::Pick };
                records.push(scene::at(3_300, did));
            }
            told(&history, "picked-seats-kept")
        };
        assert_eq!(picked(&[2], false), "");
        assert!(picked(&[3], false).contains("was said to hold [3] and then had [2]"));
        assert_eq!(picked(&[3], true), "", "another pick may have come after");
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
