//! Joining, leaving, and finding one's place again.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chassis::http::ClientAddr;
use chassis::ids;
use contracts::draws::{Acknowledgement, AcknowledgementStatement, DrawKey};
use contracts::ids::{BookingId, EventId, PlaceId, SaleId};
use contracts::papers::{Principal, Receipt};
use contracts::places::{Join, Joined, Listen, Place, PlaceState, Seq, Wishes};
use contracts::problem::Problem;
use contracts::server::{Id, Json};
use domain::order::Class;
use store::entry::EntryRefusal;
use store::events::SaleSettings;
use store::joins::{Accepts, JoinAsk, PlaceRow};
use store::pace::Leave;

use crate::desk::{Desk, problem};
use crate::joins::JoinAnswer;
use crate::limits::{Joins, Reads, Within, Writes};

/// How long a fresh receipt lives at least, even of a sale that is long over.
const RECEIPT_LIFE_MIN_MS: i64 = 86_400_000;

/// Joins a sale's line.
#[utoipa::path(post, path = "/v1/sales/{sale}/places", tag = "places", security(("bearer" = [])),
    params(("sale" = SaleId, Path)), request_body = Join,
    responses((status = 201, body = Joined, description = "A new place"),
              (status = 200, body = Joined, description = "The place this fan already has")))]
pub async fn join(
    State(desk): State<Desk>,
    _: Within<Joins>,
    Id(sale): Id<SaleId>,
    ClientAddr(address): ClientAddr,
    principal: Principal,
    Listening(listen): Listening,
    Json(join): Json<Join>,
) -> Result<Response, Problem> {
    desk.limits.joins.check(&())?;
    let (fan, visitor) = match principal {
        Principal::Account(fan) => (fan, false),
        Principal::Visitor(fan) => (fan, true),
        Principal::Holder(_) => {
            return Err(Problem::unauthorised("join as an account or a visitor; a receipt is of one place"));
        }
    };
    desk.limits.joins_per_fan.check(&fan)?;
    let settings = settings(&desk, sale).await?;
    if visitor && settings.entry.needs_account() {
        return Err(account_needed());
    }
    check_party(join.party, &settings)?;
    if join.code.is_some() {
        desk.limits.try_code(fan, address)?;
    }
    let code = join.code.as_ref().map(|code| desk.entry_keys.typed_code(sale.0, code));
    let ask = JoinAsk {
        place: ids::new(&desk.clock),
        fan,
        party: join.party,
        tiers: join.wishes.tier_bits(&settings.tiers)?,
        accepts: accepts(&join.wishes),
        class: Class::GENERAL,
    };
    match desk.joins.join(sale.0, ask, code).await {
        JoinAnswer::Placed { place, new, version, acknowledged } => {
            let status = if new { StatusCode::CREATED } else { StatusCode::OK };
            let mut joined = joined(&desk, &place, &settings, version, listen)?;
            joined.acknowledgement = acknowledged.and_then(|batch| batch.of(place.entry)).map(|own| told(own, sale));
            Ok((status, Json(joined)).into_response())
        }
        JoinAnswer::NotOpenYet { opens_at_ms } => Err(Problem::conflict(
            "not-open-yet",
            "The sale is not open yet",
            "join from then on; nothing is gained by asking before",
        )
        .at(opens_at_ms)),
        JoinAnswer::LobbyClosed => Err(Problem::conflict(
            "lobby-closed",
            "The lobby is closed",
            "this sale draws its numbers from the lobby alone, and nobody can join it later",
        )),
        JoinAnswer::Closed => Err(Problem::conflict("sale-closed", "The sale is over", "its window has ended")),
        JoinAnswer::SoldOut => Err(Problem::conflict("sold-out", "Sold out", "every seat is sold and paid")),
        JoinAnswer::Stopped { reason } => Err(Problem::new(503, "stopped", "The sale is stopped for now", reason)
            .retry_after(rand::random_range(10..=30))),
        JoinAnswer::NotEntitled(refusal) => Err(not_entitled(refusal)),
        JoinAnswer::NoSale => Err(Problem::not_found("sale")),
        JoinAnswer::Full => Err(later("very many are joining; ask again in a moment")),
        JoinAnswer::Away => Err(later("the store is away for a moment; ask again, you will have one place")),
        JoinAnswer::Broken => Err(Problem::internal()),
    }
}

/// Refused for a moment, spread out so that not everybody returns at once.
fn later(detail: &str) -> Problem {
    Problem::unavailable(detail).retry_after(rand::random_range(1..=3))
}

/// Finds the asker's place again: the live one, or else the last.
#[utoipa::path(get, path = "/v1/sales/{sale}/places/mine", tag = "places", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 200, body = Joined)))]
pub async fn mine(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Id(sale): Id<SaleId>,
    principal: Principal,
    Listening(listen): Listening,
) -> Result<Json<Joined>, Problem> {
    let settings = settings(&desk, sale).await?;
    let place = own_place(&desk, sale, &principal).await?;
    let place = place.ok_or_else(|| Problem::not_found("place: you have none in this sale"))?;
    // Read after the place, so that it knows of it.
    let version = desk.store.joins_version(sale.0).await.map_err(|fault| problem(&fault))?;
    Ok(Json(joined(&desk, &place, &settings, version, listen)?))
}

/// Leaves the line.
#[utoipa::path(delete, path = "/v1/sales/{sale}/places/mine", tag = "places", security(("bearer" = [])),
    params(("sale" = SaleId, Path)),
    responses((status = 204)))]
pub async fn leave(
    State(desk): State<Desk>,
    _: Within<Writes>,
    Id(sale): Id<SaleId>,
    principal: Principal,
) -> Result<StatusCode, Problem> {
    let fan = own(&principal, sale)?;
    desk.limits.writes_per_person.check(&fan)?;
    let settings = settings(&desk, sale).await?;
    if let Principal::Holder(receipt) = &principal {
        own_place(&desk, sale, &principal).await?;
        // The live place may be one that the fan joined later, for which this receipt does not speak.
        let live = desk.store.place_of(sale.0, fan).await.map_err(|fault| problem(&fault))?;
        if live.is_none_or(|place| place.id != receipt.place) {
            return Err(not_live());
        }
    }
    match desk.store.leave(settings.event, sale.0, fan).await.map_err(|fault| problem(&fault))? {
        Leave::Left => Ok(StatusCode::NO_CONTENT),
        Leave::Holding(booking) => Err(Problem::conflict(
            "holding",
            "Seats are held for this place",
            format!("give the seats of booking {} back first", BookingId(booking)),
        )),
        Leave::NotLive => Err(not_live()),
    }
}

/// The fan who asks. A receipt speaks for its fan in its own sale only.
fn own(principal: &Principal, sale: SaleId) -> Result<uuid::Uuid, Problem> {
    match principal {
        Principal::Holder(receipt) if receipt.sale != sale.0 => {
            Err(Problem::forbidden("the receipt is of another sale"))
        }
        principal => Ok(principal.fan()),
    }
}

/// The asker's place: of a receipt its own, also after its fan joined again; else the live one, or the last.
pub async fn own_place(desk: &Desk, sale: SaleId, principal: &Principal) -> Result<Option<PlaceRow>, Problem> {
    let fan = own(principal, sale)?;
    let place = match principal {
        Principal::Holder(receipt) => desk.store.place(receipt.place).await,
        _ => desk.store.place_of(sale.0, fan).await,
    };
    let place = place.map_err(|fault| problem(&fault))?;
    if place.as_ref().is_some_and(|place| place.fan != fan) {
        return Err(Problem::place_moved());
    }
    Ok(place)
}

pub fn account_needed() -> Problem {
    Problem::new(403, "account-needed", "This sale is for accounts only", "sign in and join again")
}

pub fn not_invited() -> Problem {
    Problem::new(
        403,
        "not-invited",
        "This sale is for invited people only",
        "the e-mail address of this account is not on its list; sign in with the address that was invited",
    )
}

fn too_many(detail: String) -> Problem {
    Problem::new(403, "too-many-tickets", "One person may not have so many tickets of this event", detail)
}

fn not_entitled(refusal: EntryRefusal) -> Problem {
    let refused = |code, title, detail| Problem::new(403, code, title, detail);
    match refusal {
        EntryRefusal::CodeNeeded => {
            refused("code-needed", "This sale is for holders of an access code", "code: send the one you were given")
        }
        EntryRefusal::CodeUnknown => {
            refused("code-unknown", "The sale has no such code", "code: check what was typed, and for which sale it is")
        }
        EntryRefusal::CodeUsedUp => refused(
            "code-used-up",
            "The code is used up",
            "code: it was used in as many places as it is good for; if you gave it to nobody, ask whoever gave it to you",
        ),
        EntryRefusal::CodeExpired => {
            refused("code-expired", "The code's time is over", "code: ask whoever gave it to you for another one")
        }
        EntryRefusal::NotInvited => not_invited(),
        EntryRefusal::TooMany { left: 0, most } => {
            too_many(format!("you have all {most} tickets that one person may have of this event"))
        }
        EntryRefusal::TooMany { left, most } => too_many(format!(
            "party: at most {left} more for you; one person may have {most} tickets of this event over all its sales"
        )),
    }
}

/// Refuses a party that the sale does not allow.
pub fn check_party(party: u8, settings: &SaleSettings) -> Result<(), Problem> {
    if party > settings.party_max {
        let detail = format!("party: at most {} in this sale", settings.party_max);
        return Err(Problem::new(422, "party-too-large", "The party is too large for this sale", detail));
    }
    if party == 0 { Err(Problem::invalid("party: at least 1")) } else { Ok(()) }
}

/// What a place's party wants, as it was asked.
fn wishes(row: &PlaceRow, settings: &SaleSettings) -> Wishes {
    let wished = |(nth, tier): (usize, &String)| (row.tiers.checked_shr(nth as u32)? & 1 == 1).then(|| tier.clone());
    let Accepts { other_tiers, apart, fewer, accessible } = row.accepts;
    Wishes {
        tiers: settings.tiers.iter().enumerate().filter_map(wished).collect(),
        other_tiers,
        apart,
        fewer,
        accessible,
    }
}

/// What the party would take instead.
pub const fn accepts(wishes: &Wishes) -> Accepts {
    Accepts { other_tiers: wishes.other_tiers, apart: wishes.apart, fewer: wishes.fewer, accessible: wishes.accessible }
}

pub fn not_live() -> Problem {
    Problem::new(404, "not-live", "There is no live place", "you have none in this sale, or it has ended")
}

pub async fn settings(desk: &Desk, sale: SaleId) -> Result<std::sync::Arc<SaleSettings>, Problem> {
    let settings = desk.sales.settings(sale.0).await.map_err(|fault| problem(&fault))?;
    settings.ok_or_else(|| Problem::not_found("sale"))
}

pub fn joined(
    desk: &Desk,
    row: &PlaceRow,
    settings: &SaleSettings,
    joins: i64,
    listen: Listen,
) -> Result<Joined, Problem> {
    let now_ms = desk.clock.now_ms();
    let receipt = desk.papers.receipt(&Receipt {
        sale: row.sale,
        event: row.event,
        place: row.id,
        fan: row.fan,
        entry: row.entry,
        party: row.party,
        issued_ms: now_ms,
        expires_ms: (settings.closes_at_ms + desk.config.receipt_after_close_ms).max(now_ms + RECEIPT_LIFE_MIN_MS),
        joins,
    });
    let place = Place {
        place_id: PlaceId(row.id),
        sale_id: SaleId(row.sale),
        event_id: EventId(row.event),
        entry: row.entry,
        party: row.party,
        wishes: wishes(row, settings),
        state: state(&row.state)?,
        joined_at_ms: row.joined_at_ms,
        booking_id: row.booking.map(BookingId),
    };
    Ok(Joined { place, receipt, listen, seq: Seq { joins, pace: 0, seats: 0 }, acknowledgement: None })
}

/// An acknowledgement as the contracts have it.
fn told(own: domain::draw::Acknowledgement, sale: SaleId) -> Box<Acknowledgement> {
    let signed = own.statement;
    Box::new(Acknowledgement {
        statement: AcknowledgementStatement {
            format: signed.format,
            sale,
            first: signed.first,
            last: signed.last,
            size: signed.size,
            root: signed.root.to_string(),
            acknowledged_ms: signed.acknowledged_ms,
            signer: DrawKey { key_id: signed.signer.key_id, ed25519: signed.signer.ed25519.to_string() },
        },
        signature: own.signature,
        line: own.line,
        index: own.index,
        path: own.path.iter().map(ToString::to_string).collect(),
    })
}

fn state(name: &str) -> Result<PlaceState, Problem> {
    Ok(match name {
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
        other => {
            tracing::error!(state = other, "a place is in a state that nobody knows");
            return Err(Problem::internal());
        }
    })
}

/// Where the client should listen: as configured, else at the host it asked.
pub struct Listening(pub Listen);

impl FromRequestParts<Desk> for Listening {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Self, Problem> {
        let config = &desk.config;
        if let Some(base) = config.live_base.as_ref().or(config.public_url.as_ref()) {
            return Ok(Self(listen(base)));
        }
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        Ok(Self(listen(&format!("http://{host}"))))
    }
}

fn listen(base: &str) -> Listen {
    let base = base.trim_end_matches('/');
    // http becomes ws, https becomes wss.
    let socket = base.replacen("http", "ws", 1);
    Listen { socket: format!("{socket}/v1/live/socket"), poll: format!("{base}/v1/live/place") }
}

#[cfg(test)]
mod tests {
    use super::listen;

    #[test]
    fn sockets_are_as_safe_as_the_page() {
        assert_eq!(listen("https://tickets.example/").socket, "wss://tickets.example/v1/live/socket");
        assert_eq!(listen("http://127.0.0.1:8080").poll, "http://127.0.0.1:8080/v1/live/place");
    }
}
