//! Asking for other seats instead of those held.

use axum::extract::State;
use contracts::bookings::{AskExchange, Booking};
use contracts::ids::BookingId;
use contracts::papers::Principal;
use contracts::problem::Problem;
use contracts::server::{Id, Json};
use store::exchanges::{AskedExchange, EXCHANGE_ASKS_MAX, OtherSeats};
use store::joins::Accepts;

use super::view::{self, For};
use super::{App, Refusal};

/// Asks for as many other seats instead of those held, once. Those held stay the fan's until the others are; what came of it is pushed, and
/// said by the booking. Asking again while they are looked for changes nothing.
#[utoipa::path(post, path = "/v1/bookings/{booking}/exchange", operation_id = "exchange_seats", tag = "bookings", security(("bearer" = [])),
    params(("booking" = BookingId, Path)), request_body = AskExchange,
    responses((status = 200, body = Booking, description = "Others are looked for")))]
pub async fn ask(
    State(app): State<App>,
    principal: Principal,
    Id(id): Id<BookingId>,
    Json(ask): Json<AskExchange>,
) -> Result<Json<Booking>, Refusal> {
    let row = app.own_head(&principal, id.0).await?;
    let wishes = ask.wishes;
    if wishes.fewer {
        return Err(Problem::invalid("wishes.fewer: an exchange gives as many seats as are held").into());
    }
    let settings = app.store.sale_settings(row.sale).await?.ok_or(Refusal::NoBooking)?;
    let other = OtherSeats {
        tiers: wishes.tier_bits(&settings.tiers)?,
        accepts: Accepts {
            other_tiers: wishes.other_tiers,
            apart: wishes.apart,
            fewer: false,
            accessible: wishes.accessible,
        },
        elsewhere: ask.elsewhere,
    };
    match app.store.ask_exchange(row.id, other).await? {
        AskedExchange::Looking => {}
        AskedExchange::Already => {
            return Err(Problem::conflict(
                "already-exchanged",
                "The seats were exchanged before",
                "held seats are exchanged once; keep these, or give them back",
            )
            .into());
        }
        AskedExchange::TooOften => {
            return Err(Problem::conflict(
                "exchange-too-often",
                "Other seats were asked for too often",
                format!("none were to be had {EXCHANGE_ASKS_MAX} times; keep these seats, or give them back"),
            )
            .into());
        }
        AskedExchange::Paying => {
            return Err(Problem::conflict(
                "payment-open",
                "These seats are being paid for",
                "seats are exchanged before paying begins, or once it was given up",
            )
            .into());
        }
        AskedExchange::Picked => {
            return Err(Problem::conflict(
                "seats-are-picked",
                "You picked these seats yourself",
                "pick others on the map, as often as you like; those you have stay yours until then",
            )
            .into());
        }
        AskedExchange::Over => return Err(Refusal::HoldOver),
    }
    let row = app.own(&principal, row.id).await?;
    Ok(Json(view::booking(&app, row, For::Owner)?))
}
