//! What fans do with their bookings, besides paying.

use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use contracts::bookings::{Booking, Bookings};
use contracts::ids::BookingId;
use contracts::papers::Principal;
use contracts::server::{Id, Json};
use serde::Serialize;
use store::bookings::{BookingRow, Which};
use store::payments::PaymentRow;
use utoipa::ToSchema;

use super::view::{self, For};
use super::{App, Refusal, owns};
use crate::payments::key;
use crate::provider::{Fault, Status};

/// Bookings shown to a fan at once.
const SHOWN: i64 = 50;

/// The asker's own bookings, newest first.
#[utoipa::path(get, path = "/v1/bookings", tag = "bookings", security(("bearer" = [])),
    responses((status = 200, body = Bookings, description = "The bookings")))]
pub async fn list(State(app): State<App>, principal: Principal) -> Result<Json<Bookings>, Refusal> {
    let which = match &principal {
        Principal::Account(fan) | Principal::Visitor(fan) => Which::Fan(*fan),
        Principal::Holder(receipt) => Which::Place(receipt.place),
    };
    let rows = app.store.bookings(which, SHOWN).await?;
    let own = rows.into_iter().filter(|row| owns(&principal, row));
    let bookings = own.map(|row| view::booking(&app, row, For::Owner)).collect::<Result<_, _>>()?;
    Ok(Json(Bookings { bookings }))
}

/// A booking, to whom it belongs and to members of the event's organisation, who do not see its tickets.
#[utoipa::path(get, path = "/v1/bookings/{booking}", tag = "bookings", security(("bearer" = [])),
    params(("booking" = BookingId, Path)),
    responses((status = 200, body = Booking, description = "The booking")))]
pub async fn one(
    State(app): State<App>,
    principal: Principal,
    Id(id): Id<BookingId>,
) -> Result<Json<Booking>, Refusal> {
    let row = app.store.booking(id.0).await?.ok_or(Refusal::NoBooking)?;
    let whom = if owns(&principal, &row) {
        For::Owner
    } else {
        match principal {
            Principal::Account(account) if !app.roles_at(account, row.event).await?.is_empty() => For::Member,
            principal => return Err(super::owned(&principal, Some(row)).err().unwrap_or(Refusal::NoBooking)),
        }
    };
    Ok(Json(view::booking(&app, row, whom)?))
}

/// Extends a hold, once.
#[utoipa::path(post, path = "/v1/bookings/{booking}/extend", tag = "bookings", security(("bearer" = [])),
    params(("booking" = BookingId, Path)),
    responses((status = 200, body = Booking, description = "With its new deadline")))]
pub async fn extend(
    State(app): State<App>,
    principal: Principal,
    Id(id): Id<BookingId>,
) -> Result<Json<Booking>, Refusal> {
    app.own_head(&principal, id.0).await?;
    let extended = app.store.extend_hold(id.0).await?;
    let row = app.own(&principal, id.0).await?;
    if !extended {
        let lasts = matches!(row.state.as_str(), "held" | "paying") && row.now_ms < row.deadline_ms;
        return Err(if lasts { Refusal::AlreadyExtended } else { Refusal::HoldOver });
    }
    Ok(Json(view::booking(&app, row, For::Owner)?))
}

/// Gives held seats back, at once; a payment is cancelled first.
#[utoipa::path(post, path = "/v1/bookings/{booking}/give-back", tag = "bookings", security(("bearer" = [])),
    params(("booking" = BookingId, Path)),
    responses((status = 200, body = Booking, description = "Released")))]
pub async fn give_back(
    State(app): State<App>,
    principal: Principal,
    Id(id): Id<BookingId>,
) -> Result<Json<Booking>, Refusal> {
    app.own_head(&principal, id.0).await?;
    if !app.store.give_back(id.0).await? {
        // It may have moved since it was read.
        let row = app.own(&principal, id.0).await?;
        match (row.state.as_str(), &row.payment) {
            ("released", _) => {}
            ("paying", Some(payment)) => {
                cancel(&app, &row, payment).await?;
                // A worker that saw the cancel first has made it a plain hold again.
                app.store.give_back(id.0).await?;
            }
            ("paying" | "capturing" | "paid", _) => return Err(Refusal::PaymentUnderWay),
            _ => return Err(Refusal::HoldOver),
        }
    }
    let row = app.own(&principal, id.0).await?;
    match row.state.as_str() {
        "released" => Ok(Json(view::booking(&app, row, For::Owner)?)),
        "lapsed" | "failed" | "refunded" => Err(Refusal::HoldOver),
        _ => Err(Refusal::PaymentUnderWay),
    }
}

/// Cancels the open payment of a booking that is given back. The provider decides: what it has authorised goes on.
async fn cancel(app: &App, row: &BookingRow, payment: &PaymentRow) -> Result<(), Refusal> {
    let slow = || Refusal::BankSlow { deadline_ms: row.deadline_ms };
    // Its secret is told only after the intent is recorded: without one, nobody can have paid it.
    if let Some(intent) = &payment.intent {
        let now = app.provider.retrieve(intent).await.map_err(|_| slow())?;
        if matches!(now.status, Status::Authorised | Status::Captured) || now.processing {
            app.nudge.notify_one();
            return Err(Refusal::PaymentUnderWay);
        }
        if now.status != Status::Cancelled {
            match app.provider.cancel(intent, &key(payment, "cancel")).await {
                Ok(now) if now.status == Status::Cancelled => {}
                Ok(_) => return Err(Refusal::PaymentUnderWay),
                Err(Fault::Refused { .. } | Fault::Declined { .. }) => {
                    app.store.new_payment_key(payment.id).await?;
                    app.nudge.notify_one();
                    return Err(Refusal::PaymentUnderWay);
                }
                Err(_) => return Err(slow()),
            }
        }
    }
    app.store.payment_cancelled(payment.id, true).await?;
    Ok(())
}

/// What verifies ticket codes.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketKey {
    /// Ed25519, base64url without padding.
    public_key: String,
}

/// What verifies ticket codes.
#[utoipa::path(get, path = "/v1/ticket-key", tag = "bookings",
    responses((status = 200, body = TicketKey, description = "The key")))]
pub async fn ticket_key(State(app): State<App>) -> Json<TicketKey> {
    Json(TicketKey { public_key: B64.encode(app.signer.public_key()) })
}
