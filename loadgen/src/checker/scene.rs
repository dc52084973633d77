//! A small sale that went well, for the checks' tests to break.
//!
//! Three seats, five fans: fan 0 buys seat 1, fan 1 lets seat 2 lapse, fan 2 buys seat 3, fan 3 is offered seat 2 and buys it,
//! fan 4 is told that all is sold.

use std::collections::HashMap;

use contracts::bookings::BookingState;
use contracts::ids::{BookingId, EventId, PlaceId, TicketId};
use contracts::log::ToldHead;
use contracts::places::{HoldView, PlaceState, Seq};
use contracts::sales::SaleState;
use contracts::ticket_code::{TicketClaim, TicketSigner};
use uuid::Uuid;

use super::{CHECKS, Facts, History, Pace, Tales};
use crate::api::Refusal;
use crate::api::provider::Intent;
use crate::crowd::Story;
use crate::crowd::diary::{BookingSeen, Record, Sight, TicketSeen, Via, What};
use crate::crowd::plan::{Plan, chance};

const AMOUNT: i64 = 100;

fn id(kind: u128, number: u32) -> Uuid {
    Uuid::from_u128(kind << 64 | u128::from(number))
}

pub fn place(fan: u32) -> PlaceId {
    PlaceId(id(1, fan))
}

fn booking(fan: u32) -> BookingId {
    BookingId(id(2, fan))
}

fn event() -> EventId {
    EventId(id(3, 0))
}

fn signer() -> TicketSigner {
    TicketSigner::new("a secret of more than thirty-two bytes!!")
}

pub fn at(at_ms: i64, what: What) -> Record {
    Record { at_ms, what }
}

pub fn joined(at_ms: i64, place: PlaceId, entry: i64) -> Record {
    at(at_ms, What::Joined { device: 0, place, entry, joined_at_ms: at_ms, took_us: 900 })
}

fn saw(at_ms: i64, fan: u32, via: Via, sight: Sight) -> Record {
    at(at_ms, What::Saw { eye: 0, via, place: place(fan), epoch: 1, seq: Seq::default(), sight })
}

fn sight(state: PlaceState, ahead: u64, at_ms: i64) -> Sight {
    Sight { state, ahead, sale: SaleState::Open, hold: None, booking: None, changed_at_ms: at_ms, server_now_ms: at_ms }
}

pub fn waiting(at_ms: i64, fan: u32, ahead: u64) -> Record {
    saw(at_ms, fan, Via::Push, sight(PlaceState::Waiting, ahead, at_ms))
}

pub fn holding(at_ms: i64, fan: u32, deadline_ms: i64) -> Record {
    let hold = HoldView {
        booking_id: booking(fan),
        deadline_ms,
        frozen: None,
        seats: 1,
        paying: false,
        declined: false,
        can_extend: true,
        exchange: None,
    };
    let sight = Sight { hold: Some(hold), booking: Some(booking(fan)), ..sight(PlaceState::Holding, 0, at_ms) };
    saw(at_ms + 2, fan, Via::Push, sight)
}

fn ended(at_ms: i64, fan: u32, state: PlaceState) -> Record {
    let booking = (state != PlaceState::SoldOut).then(|| booking(fan));
    saw(at_ms + 2, fan, Via::Push, Sight { booking, ..sight(state, 0, at_ms) })
}

pub fn look(fan: u32, seat: u32, state: BookingState, now_ms: i64) -> BookingSeen {
    let ticket = TicketId(id(4, fan));
    let code = signer().code(&TicketClaim { event: event().0, ticket: ticket.0, seat });
    let paid = state == BookingState::Paid;
    BookingSeen {
        booking: booking(fan),
        place: place(fan),
        state,
        seats: vec![seat],
        amount_minor: AMOUNT,
        deadline_ms: now_ms,
        tickets: if paid { vec![TicketSeen { ticket, seat, code, valid: true }] } else { Vec::new() },
        server_now_ms: now_ms,
    }
}

pub fn attempt(at_ms: i64, fan: u32, intent: &str) -> Record {
    at(at_ms, What::Attempt { booking: booking(fan), intent: intent.to_owned() })
}

pub fn confirmed(at_ms: i64, fan: u32, intent: &str) -> Record {
    let (booking, status) = (booking(fan), "requires_capture".to_owned());
    at(at_ms, What::Confirmed { booking, intent: intent.to_owned(), status, taken: true })
}

pub fn intent(id: &str, status: &str, received: i64) -> Intent {
    Intent {
        id: id.to_owned(),
        status: status.to_owned(),
        amount: AMOUNT,
        amount_received: received,
        amount_refunded: 0,
    }
}

pub fn refused(what: &str, status: u16, code: &str) -> Record {
    let refusal = Refusal { what: what.to_owned(), status, code: code.to_owned(), retry_after: false, expected: false };
    at(4_500, What::Refused(refusal))
}

fn found(fan: u32, state: PlaceState) -> Record {
    at(25_000, What::Found { asked: place(fan), place: place(fan), entry: i64::from(fan) + 1, state })
}

/// A head of the sale's log, as told and as published.
pub fn head(seq: i64) -> ToldHead {
    ToldHead { seq, at_ms: 1_000, key_id: "k".to_owned(), hash: "7f".repeat(32) }
}

fn start(fan: u32) -> Vec<Record> {
    let mut records = vec![joined(1_000, place(fan), i64::from(fan) + 1)];
    records.push(at(1_010, What::Connected { eye: 0, place: place(fan) }));
    records.push(saw(1_011, fan, Via::First, sight(PlaceState::Waiting, u64::from(fan), 1_000)));
    records.push(at(1_011, What::TheHead(head(7))));
    records
}

fn buys(fan: u32, seat: u32, held_ms: i64, booked_ms: i64) -> Vec<Record> {
    let intent = format!("pi_{fan}");
    let mut records = start(fan);
    records.push(holding(held_ms, fan, held_ms + 6_000));
    records.push(attempt(held_ms + 300, fan, &intent));
    records.push(confirmed(held_ms + 500, fan, &intent));
    records.push(ended(booked_ms, fan, PlaceState::Booked));
    records.push(at(booked_ms + 20, What::Booking(look(fan, seat, BookingState::Paid, booked_ms + 15))));
    records.push(found(fan, PlaceState::Booked));
    records
}

/// The sale that went well.
pub fn clean() -> History {
    let mut lapses = start(1);
    lapses.push(holding(3_000, 1, 9_000));
    let mut held = look(1, 2, BookingState::Held, 3_010);
    held.deadline_ms = 9_000;
    lapses.push(at(3_015, What::Booking(held)));
    lapses.push(ended(9_010, 1, PlaceState::Lapsed));
    lapses.push(found(1, PlaceState::Lapsed));
    let mut told = start(4);
    told.extend([waiting(3_005, 4, 2), waiting(4_005, 4, 1), waiting(9_060, 4, 0)]);
    told.push(ended(10_050, 4, PlaceState::SoldOut));
    told.push(found(4, PlaceState::SoldOut));
    let all = [buys(0, 1, 3_000, 4_000), lapses, buys(2, 3, 4_000, 5_000), buys(3, 2, 9_050, 10_000), told];
    let stories = all.into_iter().zip(0..).map(|(records, fan)| Story {
        fan,
        plan: Plan::new(&mut chance(1, fan), &[]),
        ended: true,
        records,
    });
    let intents = [0, 2, 3].map(|fan| format!("pi_{fan}")).map(|id| (id.clone(), intent(&id, "succeeded", AMOUNT)));
    History {
        facts: Facts {
            event: event(),
            capacity: 3,
            picks: false,
            paces: vec![Pace { asked_ms: 0, by_ms: 0, per_minute: 60 }],
            numbers: HashMap::new(),
            heads: HashMap::from([(7, head(7))]),
        },
        stories: stories.collect(),
        faults: Vec::new(),
        intents: HashMap::from(intents),
        ticket_key: signer().public_key(),
    }
}

/// Changes what a fan wrote.
pub fn each(history: &mut History, fan: usize, mut change: impl FnMut(&mut What)) {
    history.stories[fan].records.iter_mut().for_each(|record| change(&mut record.what));
}

/// Moves a view's change from `from_ms` or later by some milliseconds.
pub fn shift_end(what: &mut What, from_ms: i64, by_ms: i64) {
    if let What::Saw { sight, .. } = what
        && sight.changed_at_ms >= from_ms
    {
        sight.changed_at_ms += by_ms;
    }
}

/// What the check of this name tells, in lines.
pub fn told(history: &History, name: &str) -> String {
    let check = CHECKS.iter().find(|(known, _)| *known == name).expect("a known check").1;
    check(history, &Tales::of(history)).join("\n")
}
