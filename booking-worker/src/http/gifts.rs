//! Tickets without payment: given, revoked, and found by whom they were given to.

use axum::extract::State;
use axum::response::Response;
use chassis::http::ClientAddr;
use contracts::bookings::FindBooking;
use contracts::gifts::{Gift, Gifts, GiveTickets, RevokeGift};
use contracts::ids::{EventId, GiftId};
use contracts::problem::Problem;
use contracts::server::{Account, Id, IdempotencyKey, Json, Query};
use once::{Asked, Keys};
use serde::Deserialize;
use store::gifts::{GiftRow, NewGift, WhichGifts};
use utoipa::IntoParams;
use uuid::Uuid;

use super::promoter::{PAGE, PAGE_MAX};
use super::view::{For, codes};
use super::{App, Refusal, find, pay};

/// Tickets in one gift, at most.
const SEATS_MAX: usize = 100;

/// Makes tickets of blocked seats for somebody by name, all or none.
#[utoipa::path(post, path = "/v1/events/{event}/gifts", operation_id = "give", tag = "bookings", security(("bearer" = [])),
    params(("event" = EventId, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = GiveTickets,
    responses((status = 201, body = Gift)))]
pub async fn give(
    State(app): State<App>,
    Account(account): Account,
    Id(event): Id<EventId>,
    key: IdempotencyKey,
    Json(body): Json<GiveTickets>,
) -> Result<Response, Refusal> {
    app.promoter_of(account, event.0).await?;
    let (name, email, reason) = (body.name.trim(), pay::email(&body.email)?, body.reason.trim());
    let mut faults = Vec::new();
    if !(1..=200).contains(&name.chars().count()) {
        faults.push("name: 1 to 200 characters".to_owned());
    }
    if !(1..=SEATS_MAX).contains(&body.seats.len()) {
        faults.push(format!("seats: 1 to {SEATS_MAX}, not {}", body.seats.len()));
    }
    if reason.chars().count() > 500 {
        faults.push("reason: at most 500 characters".to_owned());
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults.join("; ")).with_faults(faults).into());
    }
    let asked = Asked { account, key, path: format!("/v1/events/{event}/gifts"), body: &body };
    let (app, body, email) = (&app, &body, &email);
    let keys = Keys {
        store: &app.store,
        clock: &app.clock,
        takeover_ms: app.config.idempotency_takeover_ms,
        problem: super::problem,
    };
    let given = keys.once(asked, async |id: Uuid| {
        let gift = NewGift {
            id,
            event: event.0,
            block: body.block_id.0,
            seats: &body.seats,
            name,
            email,
            reference: &chassis::ids::reference(),
            reason,
        };
        let given = app.store.give_tickets(&gift, account, || chassis::ids::new(&app.clock)).await;
        if !given.map_err(|fault| super::problem(&fault))? {
            return Err(Problem::conflict(
                "not-blocked",
                "Not all of these seats are yours to give",
                "each must be in the block, and nobody have a ticket for it; none was given",
            ));
        }
        let made = app.store.gifts(WhichGifts::Id(id)).await.map_err(|fault| super::problem(&fault))?.pop();
        shown(app, made.ok_or_else(Problem::internal)?, For::Member).map_err(Problem::from)
    });
    Ok(given.await?)
}

/// The parameters of a page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The last gift of the page before.
    after: Option<GiftId>,
    /// How many.
    limit: Option<i64>,
}

/// An event's gifts, newest first, without their tickets.
#[utoipa::path(get, path = "/v1/events/{event}/gifts", operation_id = "gifts", tag = "bookings", security(("bearer" = [])),
    params(("event" = EventId, Path), Page),
    responses((status = 200, body = Gifts, description = "A page; ask again after its last one")))]
pub async fn list(
    State(app): State<App>,
    Account(account): Account,
    Id(event): Id<EventId>,
    Query(page): Query<Page>,
) -> Result<Json<Gifts>, Refusal> {
    app.promoter_of(account, event.0).await?;
    let (after, limit) = (page.after.map(|gift| gift.0), page.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX));
    let rows = app.store.gifts(WhichGifts::Event { event: event.0, after, limit }).await?;
    let gifts = rows.into_iter().map(|row| shown(&app, row, For::Member)).collect::<Result<_, _>>()?;
    Ok(Json(Gifts { gifts }))
}

/// Takes a gift back: its tickets are not valid any more, though their codes still verify, and its seats stay blocked. Again does
/// nothing.
#[utoipa::path(post, path = "/v1/gifts/{gift}/revoke", operation_id = "revoke", tag = "bookings", security(("bearer" = [])),
    params(("gift" = GiftId, Path)), request_body = RevokeGift,
    responses((status = 200, body = Gift, description = "Revoked")))]
pub async fn revoke(
    State(app): State<App>,
    Account(account): Account,
    Id(id): Id<GiftId>,
    Json(body): Json<RevokeGift>,
) -> Result<Json<Gift>, Refusal> {
    let row = app.store.gifts(WhichGifts::Id(id.0)).await?.pop().ok_or(Refusal::NoBooking)?;
    app.promoter_of(account, row.event).await?;
    let reason = body.reason.trim();
    if !(1..=500).contains(&reason.chars().count()) {
        return Err(Problem::invalid("reason: say why, in 1 to 500 characters; it stands in the audit log").into());
    }
    app.store.revoke_gift(id.0, account, reason).await?;
    let row = app.store.gifts(WhichGifts::Id(id.0)).await?.pop().ok_or(Refusal::NoBooking)?;
    Ok(Json(shown(&app, row, For::Member)?))
}

/// Finds tickets that were given, by e-mail address and reference together. It counts with the tries for bookings.
#[utoipa::path(post, path = "/v1/gifts/find", operation_id = "find_gift", tag = "bookings",
    request_body = FindBooking,
    responses((status = 200, body = Gift)))]
pub async fn find(
    State(app): State<App>,
    ClientAddr(address): ClientAddr,
    Json(ask): Json<FindBooking>,
) -> Result<Json<Gift>, Refusal> {
    app.0.limiter.try_once(address)?;
    // Whatever does not fit is answered alike, so that nothing can be learnt from it.
    let reference = find::reference(&ask.reference).ok_or(Refusal::NoBooking)?;
    let which = WhichGifts::Found { email: ask.email.trim(), reference: &reference };
    let row = app.store.gifts(which).await?.pop().ok_or(Refusal::NoBooking)?;
    Ok(Json(shown(&app, row, For::Owner)?))
}

fn shown(app: &App, row: GiftRow, whom: For) -> Result<Gift, Refusal> {
    let tickets = if whom == For::Member { Vec::new() } else { codes(app, row.event, &row.tickets)? };
    Ok(Gift {
        gift_id: GiftId(row.id),
        event_id: EventId(row.event),
        reference: row.reference,
        name: row.name,
        email: row.email,
        made_at_ms: row.made_at_ms,
        by: (whom == For::Member).then_some(row.by),
        revoked_at_ms: row.revoked_at_ms,
        seats: row.tickets.into_iter().map(|ticket| ticket.label).collect(),
        tickets,
    })
}
