//! Picking over HTTP: which seats are gone, and holding some.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::ids::{BookingId, EventId, SaleId};
use contracts::picking::{PickSeats, PickedSeats, SeatsMoved, SeatsTaken, TakenSeats};
use contracts::problem::Problem;
use contracts::server::{Holder, Id, Json, Query};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::Deserialize;
use store::picks::{PICKS_MAX, Picked};
use tokio::sync::oneshot;
use utoipa::IntoParams;
use uuid::Uuid;

use super::clicks::{Answer, Click};
use super::shop::Shop;
use crate::Inventory;

/// The largest party.
const SEATS_MAX: usize = domain::seats::MAX_PARTY as usize;
/// Beyond so many places, those that may click at will again are forgotten.
const PLACES_MAX: usize = 100_000;
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// How fast one fan may click: a cool-down for whoever tries seat after seat.
pub struct CoolDown {
    places: DefaultKeyedRateLimiter<Uuid>,
    clock: DefaultClock,
    /// When those were last forgotten who may click at will.
    forgot: Mutex<Instant>,
}

impl std::fmt::Debug for CoolDown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CoolDown").field("places", &self.places.len()).finish_non_exhaustive()
    }
}

impl CoolDown {
    /// On average so many clicks per minute, at once up to a burst.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(burst));
        Self { places: RateLimiter::keyed(quota), clock: DefaultClock::default(), forgot: Mutex::new(Instant::now()) }
    }

    fn check(&self, place: Uuid) -> Result<(), Problem> {
        if self.places.len() >= PLACES_MAX
            && let Ok(mut forgot) = self.forgot.try_lock()
            && forgot.elapsed() >= FORGET_EVERY
        {
            *forgot = Instant::now();
            self.places.retain_recent();
            self.places.shrink_to_fit();
        }
        self.places.check_key(&place).map_err(|until| {
            let wait = until.wait_time_from(self.clock.now());
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            let detail = format!("you hold what you held; pick again in {seconds} s");
            Problem::new(429, "too-many-requests", "Too many changes at once", detail).retry_after(seconds)
        })
    }
}

/// Holds the seats that the fan chose, all or none, instead of those held before.
#[utoipa::path(put, path = "/v1/sales/{sale}/places/mine/seats", operation_id = "pick_seats", tag = "places", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = PickSeats,
    responses((status = 200, body = PickedSeats), (status = 409, body = SeatsTaken, content_type = "application/problem+json",
               description = "`seats-taken`; other codes are plain problem documents"),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn pick(
    State(inventory): State<Inventory>,
    Id(sale): Id<SaleId>,
    Holder(receipt): Holder,
    Json(body): Json<PickSeats>,
) -> Result<Response, Problem> {
    if receipt.sale != sale.0 {
        return Err(Problem::forbidden("the receipt is of a place in another sale"));
    }
    let mut seats = body.seats;
    seats.sort_unstable();
    if seats.len() > SEATS_MAX
        || seats.windows(2).any(|pair| pair[0] == pair[1])
        || seats.iter().any(|seat| *seat > i32::MAX as u32)
    {
        return Err(Problem::invalid(format!(
            "seats: at most {SEATS_MAX}, each once, by their ordinals in the seat map"
        )));
    }
    inventory.cool_down.check(receipt.place)?;
    let shop = inventory.shops.of(receipt.event).ok_or_else(no_shop)?;
    let (answer, answered) = oneshot::channel();
    let click = Click { place: receipt.place, fan: receipt.fan, seats: seats.clone(), looked_at: false, answer };
    shop.clicks.try_send(click).map_err(|_| busy())?;
    match answered.await {
        Ok(Answer::Picked(picked)) => told(&inventory, &shop, picked, &seats),
        Ok(Answer::Busy) => Err(busy()),
        Ok(Answer::Broken) => Err(Problem::internal()),
        Ok(Answer::Away) | Err(_) => Err(Problem::unavailable("you hold what you held; pick again in a moment")),
    }
}

fn told(inventory: &Inventory, shop: &Shop, picked: Picked, wanted: &[u32]) -> Result<Response, Problem> {
    let conflict = |code: &str, title: &str, detail: String| Err(Problem::conflict(code, title, detail));
    match picked {
        Picked::Held(hold) => Ok(Json(PickedSeats {
            booking_id: BookingId(hold.booking),
            seats: hold.seats,
            deadline_ms: hold.deadline_ms,
            server_now_ms: inventory.clock.now_ms(),
        })
        .into_response()),
        Picked::Taken { seats: taken, accessible } => Ok(seats_taken(SeatsTaken {
            problem: Problem::conflict(
                "seats-taken",
                "Somebody else was quicker",
                "some of these seats are gone; you hold what you held before",
            ),
            taken,
            nearest: shop.nearest(wanted, accessible),
        })),
        Picked::NoPlace => conflict(
            "not-picking",
            "There is nothing to pick now",
            "only who was let in picks seats, until they are paid for; look at your place".to_owned(),
        ),
        Picked::Over => {
            conflict("time-over", "The time is over", "your seats went back; look at your place".to_owned())
        }
        Picked::Paying => conflict(
            "payment-under-way",
            "A payment is under way",
            "seats can be changed before paying only; cancel the payment first".to_owned(),
        ),
        Picked::Party { most } => {
            Err(Problem::invalid(format!("seats: your party has {most}; you hold what you held")))
        }
        Picked::Person { most } => conflict(
            "too-many-tickets",
            "Too many tickets for one person",
            format!("one person may have {most} tickets of this event, over all its sales; you hold what you held"),
        ),
        Picked::Allotment => conflict(
            "allotment-taken",
            "This sale has no more seats just now",
            "others of this sale hold them; some may come free: try again in a moment".to_owned(),
        ),
        Picked::Kept => conflict(
            "accessible-only",
            "These seats are kept for wheelchair users and who comes with them",
            "choose others; they are anybody's only once nothing else is left".to_owned(),
        ),
        Picked::NoSeats => Err(Problem::invalid("seats: name at least one that the seat map has")),
        Picked::TooOften => conflict(
            "changed-too-often",
            "The seats were changed very often",
            format!("after {PICKS_MAX} changes what you hold stays: pay for it, or give it back"),
        ),
        Picked::Again => Err(Problem::unavailable("many want the same seats: pick again")),
    }
}

fn seats_taken(body: SeatsTaken) -> Response {
    let kind = HeaderValue::from_static("application/problem+json");
    (StatusCode::CONFLICT, [(header::CONTENT_TYPE, kind)], axum::Json(body)).into_response()
}

fn busy() -> Problem {
    Problem::unavailable("very many are picking at this moment: you hold what you held; pick again in a second")
}

fn no_shop() -> Problem {
    Problem::unavailable("this event's seats are not known here yet, or are not picked: look again in a second")
}

/// What the asker knows.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Known {
    /// The version up to which: only what changed after it is told, where that is not long ago.
    after: Option<i64>,
}

/// Which seats cannot be had, where fans pick them.
#[utoipa::path(get, path = "/v1/events/{event}/taken-seats", operation_id = "taken_seats", tag = "seat maps",
    params(("event" = EventId, Path), Known),
    responses((status = 200, body = TakenSeats), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn taken(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    Query(known): Query<Known>,
) -> Result<Response, Problem> {
    let shop = inventory.shops.of(event.0).ok_or_else(no_shop)?;
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    if let Some(moved) = known.after.and_then(|after| shop.since(after)) {
        let store::seats_now::SeatsMoved { after, upto, taken, freed } = moved;
        return Ok((no_store, Json(TakenSeats::Since(SeatsMoved { after, upto, taken, freed }))).into_response());
    }
    let all = shop.all().ok_or_else(no_shop)?;
    let json = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    Ok((no_store, json, all).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_clicks_on_and_on_waits_and_others_do_not() {
        let cool_down = CoolDown::new(60, 3);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        for _ in 0..3 {
            cool_down.check(one).unwrap();
        }
        let problem = cool_down.check(one).unwrap_err();
        assert_eq!((problem.status, problem.retry_after_s), (429, Some(1)));
        cool_down.check(other).unwrap();
    }
}
