//! Bookings as they are shown.

use contracts::bookings::{BookedSeat, Booking, BookingState, ExchangeState, Payment, Ticket};
use contracts::ids::{BookingId, EventId, PlaceId, SaleId, TicketId};
use contracts::ticket_code::TicketClaim;
use store::StoreError;
use store::bookings::{BookingRow, TicketRow};
use store::exchanges::ExchangeNow;
use store::payments::PaymentRow;
use uuid::Uuid;

use super::{App, Refusal, qr};

/// How much of a booking somebody may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// Whoever it belongs to: with the tickets.
    Owner,
    /// Whoever just asked to pay: with what confirms the payment, too.
    Payer,
    /// The promoter's people: without the tickets' codes, which open the gate.
    Member,
}

/// A booking as `whom` may see it.
pub fn booking(app: &App, row: BookingRow, whom: For) -> Result<Booking, Refusal> {
    let state = state(&row)?;
    let live = matches!(state, BookingState::Held | BookingState::Paying);
    let tickets = if whom == For::Member { Vec::new() } else { codes(app, row.event, &row.tickets)? };
    let payment = row.payment.as_ref().map(|attempt| payment(app, attempt, whom));
    Ok(Booking {
        booking_id: BookingId(row.id),
        reference: row.reference,
        event_id: EventId(row.event),
        sale_id: SaleId(row.sale),
        place_id: PlaceId(row.place),
        state,
        seats: row
            .seats
            .into_iter()
            .map(|seat| BookedSeat {
                seat: seat.seat,
                label: seat.label,
                tier: seat.tier,
                price_minor: seat.price_minor,
                fee_minor: seat.fee_minor,
            })
            .collect(),
        amount_minor: row.amount_minor,
        currency: row.currency,
        deadline_ms: row.deadline_ms,
        can_extend: live && !row.extended && row.now_ms < row.deadline_ms,
        exchange: (state == BookingState::Held && row.now_ms < row.deadline_ms && !row.picked)
            .then(|| exchange(row.exchange)),
        email: row.email,
        payment,
        tickets,
        server_now_ms: row.now_ms,
    })
}

const fn exchange(now: ExchangeNow) -> ExchangeState {
    match now {
        ExchangeNow::Not => ExchangeState::Possible,
        ExchangeNow::Asked => ExchangeState::Looking,
        ExchangeNow::Nothing => ExchangeState::Nothing,
        ExchangeNow::Done => ExchangeState::Done,
    }
}

fn state(row: &BookingRow) -> Result<BookingState, Refusal> {
    Ok(match row.state.as_str() {
        "held" => BookingState::Held,
        "paying" => BookingState::Paying,
        "capturing" => BookingState::Capturing,
        "paid" => BookingState::Paid,
        "lapsed" => BookingState::Lapsed,
        "released" => BookingState::Released,
        "failed" => BookingState::Failed,
        "refunded" => BookingState::Refunded,
        other => return Err(StoreError::Corrupt(format!("booking {} is {other:?}", row.id)).into()),
    })
}

fn payment(app: &App, row: &PaymentRow, whom: For) -> Payment {
    let usable = matches!(row.state.as_str(), "open" | "declined");
    let intent = row.intent.as_ref().filter(|_| usable && whom != For::Member);
    Payment {
        attempt: row.attempt,
        state: row.state.clone(),
        pay_page: intent.map(|intent| app.config.page_of(intent)),
        provider_api: intent.map(|_| app.config.browsers_api().to_owned()),
        intent: intent.cloned(),
        client_secret: row.client_secret.clone().filter(|_| usable && whom == For::Payer),
        decline_reason: row.decline_reason.clone(),
    }
}

/// The tickets of an event, with the codes that open the gate.
pub fn codes(app: &App, event: Uuid, tickets: &[TicketRow]) -> Result<Vec<Ticket>, Refusal> {
    tickets
        .iter()
        .map(|ticket| {
            let code = app.signer.code(&TicketClaim { event, ticket: ticket.id, seat: ticket.seat });
            let qr_svg = qr::svg(&code).map_err(|fault| StoreError::Corrupt(format!("a ticket's code: {fault}")))?;
            Ok(Ticket {
                ticket_id: TicketId(ticket.id),
                seat: ticket.seat,
                label: ticket.label.clone(),
                code,
                qr_svg,
                valid: ticket.valid,
            })
        })
        .collect()
}
