//! Checks of money and of what it bought: every captured payment has its tickets or its refund, every ticket its payment.

use std::collections::HashMap;

use contracts::ticket_code;

use super::tales::HoldTale;
use super::{History, Tales};
use crate::api::provider::Intent;

/// An authorisation this long before the deadline is in time, whatever way the news takes.
const IN_TIME_MS: i64 = 500;

/// Money and tickets belong together, one to one.
#[must_use]
pub fn money(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (booking, hold) in &tales.holds {
        let mut intents = Vec::new();
        for id in &hold.intents {
            match history.intents.get(*id) {
                Some(intent) => intents.push(intent),
                None => found.push(format!("{booking}: the provider does not know {id}")),
            }
        }
        let kept: Vec<&Intent> = intents.iter().filter(|i| i.amount_received > i.amount_refunded).copied().collect();
        if hold.has_tickets() {
            let amount = hold.newest().map_or(0, |look| look.amount_minor);
            match kept.as_slice() {
                [one] if one.amount_received == amount && one.amount_refunded == 0 => {}
                [one] => found.push(format!(
                    "{booking} costs {amount}, but {} was captured and {} given back",
                    one.amount_received, one.amount_refunded
                )),
                [] => found.push(format!("{booking} has tickets and no captured payment")),
                several => found.push(format!("{booking} was captured {} times", several.len())),
            }
        } else if let Some(intent) = kept.first() {
            let left = intent.amount_received - intent.amount_refunded;
            found.push(format!("{booking} has no tickets, but {left} of {} were kept", intent.id));
        }
        for intent in intents.iter().filter(|i| matches!(i.status.as_str(), "requires_capture" | "processing")) {
            found.push(format!("{booking}: {} is still {}: neither captured nor let go", intent.id, intent.status));
        }
        if let Some(late) = paid_in_time(history, hold).filter(|_| !hold.has_tickets()) {
            found.push(format!("{booking} was authorised {late} ms before its deadline and has no tickets"));
        }
    }
    for (id, intent) in &history.intents {
        let known = tales.holds.values().any(|hold| hold.intents.contains(&id.as_str()));
        if intent.amount_received > intent.amount_refunded && !known {
            found.push(format!("{id} was captured, and no fan was ever given it"));
        }
    }
    found
}

/// By how much the fan's authorisation was in time, if it was and nothing was broken.
fn paid_in_time(history: &History, hold: &HoldTale<'_>) -> Option<i64> {
    let (at_ms, ..) = hold.confirms.iter().find(|(_, _, status, taken)| *taken && *status == "requires_capture")?;
    let deadline_ms = hold.deadline_until(*at_ms)?;
    let early_ms = deadline_ms - at_ms;
    (early_ms > IN_TIME_MS && !history.disturbed(*at_ms, deadline_ms)).then_some(early_ms)
}

/// Every ticket's code is the only one of its kind, is signed, and says what the ticket says; every paid seat has one.
#[must_use]
pub fn ticket_codes(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut codes = HashMap::new();
    for (booking, hold) in &tales.holds {
        let Some(look) = hold.newest().filter(|look| !look.tickets.is_empty()) else { continue };
        let mut with_ticket: Vec<u32> = look.tickets.iter().map(|ticket| ticket.seat).collect();
        let mut paid = look.seats.clone();
        with_ticket.sort_unstable();
        paid.sort_unstable();
        if with_ticket != paid {
            found.push(format!("{booking} is for seats {paid:?} and has tickets for {with_ticket:?}"));
        }
        for ticket in &look.tickets {
            if let Some(other) = codes.insert(&ticket.code, ticket.ticket) {
                found.push(format!("{other} and {} have the same code", ticket.ticket));
            }
            let said = ticket_code::verify(&history.ticket_key, &ticket.code);
            let right = said.is_some_and(|claim| {
                claim.event == history.facts.event.0 && claim.ticket == ticket.ticket.0 && claim.seat == ticket.seat
            });
            if !right {
                found.push(format!("the code of {} says {said:?}", ticket.ticket));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::checker::scene::{self, told};
    use crate::crowd::diary::What;

    #[test]
    fn tickets_without_money_and_money_without_tickets_are_told() {
        let mut history = scene::clean();
        history.intents.insert("pi_0".to_owned(), scene::intent("pi_0", "canceled", 0));
        assert!(told(&history, "money").contains("has tickets and no captured payment"));

        let mut history = scene::clean();
        history.intents.insert("pi_1".to_owned(), scene::intent("pi_1", "succeeded", 100));
        history.stories[1].records.push(scene::attempt(5_000, 1, "pi_1"));
        assert!(told(&history, "money").contains("has no tickets, but 100"));
        history.intents.get_mut("pi_1").unwrap().amount_refunded = 100;
        assert_eq!(told(&history, "money"), "");
    }

    #[test]
    fn a_second_capture_a_wrong_amount_and_money_in_limbo_are_told() {
        let mut history = scene::clean();
        history.intents.insert("pi_9".to_owned(), scene::intent("pi_9", "succeeded", 100));
        assert!(told(&history, "money").contains("no fan was ever given it"));
        history.stories[0].records.push(scene::attempt(5_000, 0, "pi_9"));
        assert!(told(&history, "money").contains("was captured 2 times"));

        let mut history = scene::clean();
        history.intents.insert("pi_0".to_owned(), scene::intent("pi_0", "succeeded", 70));
        assert!(told(&history, "money").contains("but 70 was captured"));

        let mut history = scene::clean();
        history.stories[1].records.push(scene::attempt(5_000, 1, "pi_1"));
        history.intents.insert("pi_1".to_owned(), scene::intent("pi_1", "requires_capture", 0));
        assert!(told(&history, "money").contains("neither captured nor let go"));
    }

    #[test]
    fn paying_in_time_for_nothing_is_told() {
        let mut history = scene::clean();
        history.stories[1].records.push(scene::attempt(5_000, 1, "pi_1"));
        history.intents.insert("pi_1".to_owned(), scene::intent("pi_1", "canceled", 0));
        assert_eq!(told(&history, "money"), "");
        history.stories[1].records.push(scene::confirmed(5_100, 1, "pi_1"));
        assert!(told(&history, "money").contains("before its deadline and has no tickets"));
    }

    #[test]
    fn forged_changed_repeated_and_missing_codes_are_told() {
        let on_tickets = |change: fn(&mut Vec<crate::crowd::diary::TicketSeen>)| {
            let mut history = scene::clean();
            scene::each(&mut history, 0, |what| {
                if let What::Booking(look) = what {
                    change(&mut look.tickets);
                }
            });
            told(&history, "ticket-codes")
        };
        assert!(on_tickets(|tickets| tickets.iter_mut().for_each(|t| t.code.push('A'))).contains("says None"));
        assert!(on_tickets(|tickets| tickets.iter_mut().for_each(|t| t.seat = 9)).contains("says Some"));
        assert!(on_tickets(|tickets| tickets.extend(tickets.clone())).contains("have the same code"));
    }
}
