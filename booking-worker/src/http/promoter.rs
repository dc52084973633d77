//! What an event's promoters see and do.

use axum::extract::State;
use contracts::bookings::{Booking, Bookings};
use contracts::ids::{BookingId, EventId};
use contracts::server::{Account, Id, Json, Query};
use serde::Deserialize;
use store::bookings::Which;
use utoipa::IntoParams;
use uuid::Uuid;

use super::view::{self, For};
use super::{App, Refusal};

/// Bookings or gifts on a page, at most.
pub const PAGE_MAX: i64 = 200;
/// And where nothing is said.
pub const PAGE: i64 = 50;

impl App {
    /// Lets only promoters of the event's organisation through. To strangers the event's bookings do not exist.
    pub async fn promoter_of(&self, account: Uuid, event: Uuid) -> Result<(), Refusal> {
        let roles = self.roles_at(account, event).await?;
        match roles.iter().any(|role| role == "promoter") {
            true => Ok(()),
            false if roles.is_empty() => Err(Refusal::NoBooking),
            false => Err(Refusal::Forbidden),
        }
    }
}

/// Gives a paid booking back: its tickets are void, its seats free, and the whole amount on its way.
#[utoipa::path(post, path = "/v1/bookings/{booking}/refund", tag = "bookings", security(("bearer" = [])),
    params(("booking" = BookingId, Path)),
    responses((status = 200, body = Booking, description = "Refunded")))]
pub async fn refund(
    State(app): State<App>,
    Account(account): Account,
    Id(id): Id<BookingId>,
) -> Result<Json<Booking>, Refusal> {
    let row = app.store.booking(id.0).await?.ok_or(Refusal::NoBooking)?;
    app.promoter_of(account, row.event).await?;
    let refund = chassis::ids::new(&app.clock);
    if app.store.refund_booking(row.id, refund, account, "refunded by the promoter").await? {
        app.nudge.notify_one();
    }
    let row = app.store.booking(row.id).await?.ok_or(Refusal::NoBooking)?;
    if row.state != "refunded" {
        return Err(Refusal::NotPaid);
    }
    Ok(Json(view::booking(&app, row, For::Member)?))
}

/// The parameters of a page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The last booking of the page before.
    after: Option<BookingId>,
    /// How many.
    limit: Option<i64>,
}

/// An event's bookings, oldest first, without their tickets.
#[utoipa::path(get, path = "/v1/events/{event}/bookings", operation_id = "of_event", tag = "bookings", security(("bearer" = [])),
    params(("event" = EventId, Path), Page),
    responses((status = 200, body = Bookings, description = "A page; ask again after its last one")))]
pub async fn bookings(
    State(app): State<App>,
    Account(account): Account,
    Id(event): Id<EventId>,
    Query(page): Query<Page>,
) -> Result<Json<Bookings>, Refusal> {
    app.promoter_of(account, event.0).await?;
    let after = page.after.map_or(Uuid::nil(), |booking| booking.0);
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let rows = app.store.bookings(Which::Event(event.0, after), limit).await?;
    let bookings = rows.into_iter().map(|row| view::booking(&app, row, For::Member)).collect::<Result<_, _>>()?;
    Ok(Json(Bookings { bookings }))
}
