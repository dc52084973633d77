//! A place goes over to another fan or device, by a code that is good once and not for long.

use axum::extract::State;
use chassis::http::ClientAddr;
use contracts::access::{TakeTransfer, TransferCode};
use contracts::ids::SaleId;
use contracts::papers::Principal;
use contracts::places::Joined;
use contracts::problem::Problem;
use contracts::server::{Id, Json};
use store::transfers::{Taken, Taker};

use crate::desk::{Desk, problem};
use crate::entry_keys::random_code;
use crate::limits::{Within, Writes};
use crate::places::{Listening, account_needed, joined, not_invited, not_live, own_place, settings};

/// Makes a code by which another account, visitor or device takes the place over. It replaces earlier ones.
#[utoipa::path(post, path = "/v1/sales/{sale}/places/mine/transfer", operation_id = "offer_transfer", tag = "places",
    security(("bearer" = [])), params(("sale" = SaleId, Path)),
    responses((status = 200, body = TransferCode),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn offer(
    State(desk): State<Desk>,
    _: Within<Writes>,
    Id(sale): Id<SaleId>,
    principal: Principal,
) -> Result<Json<TransferCode>, Problem> {
    desk.limits.writes_per_person.check(&principal.fan())?;
    let place = own_place(&desk, sale, &principal).await?.ok_or_else(not_live)?;
    let code = random_code()?;
    let hash = desk.entry_keys.transfer(&code).ok_or_else(Problem::internal)?;
    let ttl_ms = desk.config.transfer_ttl_ms;
    let offered =
        desk.store.offer_transfer(place.id, place.fan, &hash, ttl_ms).await.map_err(|fault| problem(&fault))?;
    let expires_at_ms = offered.ok_or_else(not_live)?;
    Ok(Json(TransferCode { code, expires_at_ms, server_now_ms: desk.clock.now_ms() }))
}

/// Takes a place over. Its entry, class and hold come with it; receipts of before are good for nothing any more.
#[utoipa::path(post, path = "/v1/places/transfer", operation_id = "take_transfer", tag = "places", security(("bearer" = [])),
    request_body = TakeTransfer,
    responses((status = 200, body = Joined),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn take(
    State(desk): State<Desk>,
    _: Within<Writes>,
    ClientAddr(address): ClientAddr,
    principal: Principal,
    Listening(listen): Listening,
    Json(ask): Json<TakeTransfer>,
) -> Result<Json<Joined>, Problem> {
    let taker = match principal {
        Principal::Account(fan) => Taker { fan, visitor: false },
        Principal::Visitor(fan) => Taker { fan, visitor: true },
        Principal::Holder(_) => {
            return Err(Problem::unauthorised(
                "take a place over as an account or a visitor; a receipt is of one place",
            ));
        }
    };
    desk.limits.try_code(taker.fan, address)?;
    let Some(hash) = desk.entry_keys.transfer(&ask.code) else { return Err(unknown()) };
    let sale_of = desk.store.sale_of_transfer(&hash).await.map_err(|fault| problem(&fault))?;
    let Some(sale) = sale_of else { return Err(unknown()) };
    let hash_email = |email: &str| desk.entry_keys.email(sale, email);
    let taken = desk.store.take_transfer(&hash, taker, &hash_email).await.map_err(|fault| problem(&fault))?;
    let conflict = |code, title, detail| Err(Problem::conflict(code, title, detail));
    let place = match taken {
        Taken::Moved { place, .. } => place,
        Taken::Unknown => return Err(unknown()),
        Taken::Used => {
            return conflict(
                "transfer-used",
                "The code was used before",
                "it is good once; if that was you, ask for your place, else ask whoever gave it to you",
            );
        }
        Taken::Expired => {
            return conflict(
                "transfer-expired",
                "The code's time is over",
                "have another one made; the place is as it was",
            );
        }
        Taken::NotLive => return Err(not_live()),
        Taken::Own => {
            return conflict("transfer-own", "The place is yours already", "the code was not used; ask for your place");
        }
        Taken::HasPlace => {
            return conflict(
                "has-place",
                "You have a place in this sale already",
                "a fan has one: leave yours first, then use the code again; it was not used up",
            );
        }
        Taken::HadPlace => {
            return conflict(
                "had-place",
                "You have or had a place in this sale already",
                "this sale gives each fan one place, whatever became of it; somebody who had none can use the code, which was not used up",
            );
        }
        Taken::Paying => {
            return conflict(
                "payment-under-way",
                "A payment is under way",
                "the place's seats are being paid; once that is done or cancelled, use the code again",
            );
        }
        Taken::AccountNeeded => return Err(account_needed()),
        Taken::NotInvited => return Err(not_invited()),
    };
    let row = desk.store.place(place).await.map_err(|fault| problem(&fault))?.ok_or_else(Problem::internal)?;
    let settings = settings(&desk, SaleId(sale)).await?;
    let version = desk.store.joins_version(sale).await.map_err(|fault| problem(&fault))?;
    Ok(Json(joined(&desk, &row, &settings, version, listen)?))
}

fn unknown() -> Problem {
    Problem::new(
        404,
        "transfer-unknown",
        "There is no such code",
        "check what was typed; making another code makes the earlier one worthless",
    )
}
