//! Places of events that are not followed any more, from what Postgres keeps: no line moves there.

use contracts::ids::BookingId;
use contracts::papers::Receipt;
use contracts::places::{HoldView, PlaceState, View};
use contracts::problem::Problem;
use contracts::sales::SaleState;
use store::StoreError;
use store::bookings::BookingRow;

use crate::heads::told;
use crate::hub::Hub;

/// The place as Postgres keeps it. A place that still waits has no honest number here.
pub async fn view(hub: &Hub, receipt: &Receipt) -> Result<View, Problem> {
    let row = hub.store.place_of(receipt.sale, receipt.fan).await.map_err(|fault| problem(&fault))?;
    let row = row.filter(|row| row.entry == receipt.entry).ok_or_else(|| Problem::not_found("place"))?;
    let state = state_of(&row.state).ok_or_else(Problem::internal)?;
    if matches!(state, PlaceState::Waiting | PlaceState::Skipped) {
        return Err(Problem::unavailable("this sale's line is not at hand; ask again in a moment"));
    }
    let booking = match row.booking {
        Some(booking) if state == PlaceState::Holding => {
            hub.store.booking(booking).await.map_err(|fault| problem(&fault))?
        }
        _ => None,
    };
    let heads = hub.store.newest_heads(&[receipt.event]).await.map_err(|fault| problem(&fault))?;
    Ok(View {
        state,
        ahead: 0,
        waiting: 0,
        estimate: None,
        chances: Vec::new(),
        sold_out_for_you: false,
        sale: SaleState::Closed,
        pause_reason: None,
        announcement: None,
        log_head: heads.into_iter().find(|head| head.sale == receipt.sale).map(|head| Box::new(told(head))),
        stopped: false,
        opens_at_ms: None,
        hold: booking.map(|booking| hold(&booking)),
        shops_until_ms: None,
        shops_frozen: None,
        kept_until_ms: None,
        question: None,
        booking_id: row.booking.map(BookingId),
        changed_at_ms: 0,
        server_now_ms: hub.clock.now_ms(),
    })
}

fn hold(booking: &BookingRow) -> HoldView {
    HoldView {
        booking_id: BookingId(booking.id),
        deadline_ms: booking.deadline_ms,
        frozen: booking.frozen.clone(),
        seats: booking.seats.len() as u32,
        paying: booking.state != "held",
        declined: booking.payment.as_ref().is_some_and(|payment| payment.state == "declined"),
        can_extend: !booking.extended && booking.state != "capturing",
        // Without anybody who seats there is nobody to exchange.
        exchange: None,
    }
}

fn state_of(name: &str) -> Option<PlaceState> {
    Some(match name {
        "waiting" => PlaceState::Waiting,
        "skipped" => PlaceState::Skipped,
        "standing" => PlaceState::Standing,
        "holding" => PlaceState::Holding,
        "booked" => PlaceState::Booked,
        "lapsed" => PlaceState::Lapsed,
        "idle" => PlaceState::Idle,
        "released" => PlaceState::Released,
        "failed" => PlaceState::Failed,
        "left" => PlaceState::Left,
        "removed" => PlaceState::Removed,
        "sold_out" => PlaceState::SoldOut,
        "refunded" => PlaceState::Refunded,
        _ => return None,
    })
}

/// What a caller is told when the store fails.
pub fn problem(fault: &StoreError) -> Problem {
    if fault.is_away() {
        return Problem::unavailable("the store is away; your place is safe");
    }
    tracing::error!(%fault, "the record could not be read");
    Problem::internal()
}
