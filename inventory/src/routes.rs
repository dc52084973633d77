//! The role's paths: the seat map in and out, and availability.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use chassis::http::body_limit;
use contracts::accounts::Role;
use contracts::consoles::{Availability, TierAvailability};
use contracts::ids::EventId;
use contracts::papers::{Papers, Principal};
use contracts::problem::Problem;
use contracts::seat_map::SeatMap;
use contracts::server::{Account, Id, Json, Query};
use serde::Deserialize;
use store::StoreError;
use store::halls::{Imported, Loss, Stranded, Whose};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::reading::{self, Format};
use crate::{Inventory, blocks, history, import, picking};

impl FromRef<Inventory> for Papers {
    fn from_ref(inventory: &Inventory) -> Self {
        inventory.papers.clone()
    }
}

pub fn router(inventory: &Inventory) -> Router {
    let map = get(read_map).merge(put(write_map).layer(body_limit(inventory.config.map_bytes_max)));
    Router::new()
        .route("/v1/events/{event}/seat-map", map)
        .route("/v1/events/{event}/availability", get(availability))
        .route("/v1/events/{event}/availability/history", get(history::history))
        .route("/v1/events/{event}/taken-seats", get(picking::http::taken))
        .route("/v1/sales/{sale}/places/mine/seats", put(picking::http::pick))
        .route("/v1/events/{event}/blocks", get(blocks::list).post(blocks::make))
        .route("/v1/events/{event}/blocks/{block}/free", post(blocks::free))
        .route("/v1/events/{event}/blocks/{block}/opening", put(blocks::open))
        .with_state(inventory.clone())
}

pub fn problem(fault: &StoreError) -> Problem {
    if fault.is_away() {
        Problem::unavailable("the store is away; nothing was changed")
    } else {
        tracing::error!(%fault, "a store operation failed");
        Problem::internal()
    }
}

/// Drafts are seen by members only; everybody else is told there is nothing.
async fn seen_by(inventory: &Inventory, event: EventId, principal: Option<&Principal>) -> Result<(), Problem> {
    let owner = inventory.store.event_owner(event.0).await.map_err(|fault| problem(&fault))?;
    let Some(owner) = owner else { return Err(Problem::not_found("event")) };
    if owner.published {
        return Ok(());
    }
    if let Some(Principal::Account(account)) = principal {
        let roles = inventory.store.roles_in(*account, owner.organisation).await.map_err(|fault| problem(&fault))?;
        if !roles.is_empty() {
            return Ok(());
        }
    }
    Err(Problem::not_found("event"))
}

/// Promoters and operators of the event's organisation; nobody else learns more than that it is published.
pub async fn member_of(inventory: &Inventory, event: EventId, account: Uuid) -> Result<(), Problem> {
    let owner = inventory.store.event_owner(event.0).await.map_err(|fault| problem(&fault))?;
    let owner = owner.ok_or_else(|| Problem::not_found("event"))?;
    let roles = inventory.store.roles_in(account, owner.organisation).await.map_err(|fault| problem(&fault))?;
    match (roles.is_empty(), owner.published) {
        (false, _) => Ok(()),
        (true, true) => Err(Problem::forbidden("only the organisation's members see this")),
        (true, false) => Err(Problem::not_found("event")),
    }
}

/// How the map is written.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Written {
    /// The format; `usher` where it is left out.
    #[serde(default)]
    format: Format,
}

/// The seat map in force. Drafts are for members.
#[utoipa::path(get, path = "/v1/events/{event}/seat-map", operation_id = "read", tag = "seat maps", params(("event" = EventId, Path), Written),
    responses((status = 200, content((SeatMap = "application/json"), (String = "text/csv")))))]
pub async fn read_map(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    principal: Option<Principal>,
    Query(Written { format }): Query<Written>,
) -> Result<Response, Problem> {
    seen_by(&inventory, event, principal.as_ref()).await?;
    let map = inventory.store.seat_map(event.0).await.map_err(|fault| problem(&fault))?;
    let map = map.ok_or_else(|| Problem::not_found("seat map: the event has none yet"))?;
    if format == Format::Usher {
        return Ok(Json(map).into_response());
    }
    let written =
        tokio::task::spawn_blocking(move || anyhow::Ok(reading::write(format, &serde_json::from_value(map)?)?));
    let (kind, bytes) = written.await.map_err(|_| Problem::internal())?.map_err(|fault| {
        tracing::error!(%fault, %event, "the seat map cannot be written");
        Problem::internal()
    })?;
    Ok(([(CONTENT_TYPE, kind)], bytes).into_response())
}

/// How the map is written, and what to do with it.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Sent {
    /// The format; where it is left out, `csv` for text/csv and `usher` for JSON.
    format: Option<Format>,
    /// Only say what would come of it: 200 with the map as it was understood.
    #[serde(default)]
    dry_run: bool,
}

/// Gives the event its seat map, or another one.
#[utoipa::path(put, path = "/v1/events/{event}/seat-map", operation_id = "write", tag = "seat maps", security(("bearer" = [])),
    params(("event" = EventId, Path), Sent), request_body(content((SeatMap = "application/json"), (String = "text/csv"))),
    responses((status = 204, description = "It is in force"), (status = 200, body = SeatMap, description = "It could be")))]
pub async fn write_map(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    Account(account): Account,
    Query(sent): Query<Sent>,
    body: Body,
) -> Result<Response, Problem> {
    let owner = inventory.store.event_owner(event.0).await.map_err(|fault| problem(&fault))?;
    let owner = owner.ok_or_else(|| Problem::not_found("event"))?;
    let roles = inventory.store.roles_in(account, owner.organisation).await.map_err(|fault| problem(&fault))?;
    if !roles.iter().any(|role| role == Role::Promoter.name()) {
        let hidden = roles.is_empty() && !owner.published;
        return Err(if hidden {
            Problem::not_found("event")
        } else {
            Problem::forbidden("only its promoters change a seat map")
        });
    }
    let format = body.format(sent.format)?;
    let known = match format {
        Format::Usher => None,
        _ => inventory.store.seat_map(event.0).await.map_err(|fault| problem(&fault))?,
    };
    let understood = tokio::task::spawn_blocking(move || {
        let known: Option<SeatMap> = known.and_then(|known| serde_json::from_value(known).ok());
        let map = reading::read(format, &body.bytes, known.as_ref())?;
        let document = serde_json::to_value(&map).map_err(|_| Problem::internal())?;
        let (tiers, units) = import::rows(&map);
        Ok((map, document, tiers, units))
    });
    let (map, document, tiers, units) = understood.await.map_err(|_| Problem::internal())??;
    let store = &inventory.store;
    let imported = if sent.dry_run {
        store.judge_map(event.0, &tiers, &units).await
    } else {
        store.import_map(event.0, &document, &tiers, &units).await
    };
    match imported.map_err(|fault| problem(&fault))? {
        Imported::Done if sent.dry_run => Ok(Json(map).into_response()),
        Imported::Done => Ok(StatusCode::NO_CONTENT.into_response()),
        Imported::NoEvent => Err(Problem::not_found("event")),
        Imported::Strands { count, first } => Err(strands(count, &first)),
        Imported::OtherPlaces { before, after } => Err(in_use(format!(
            "it has {before} places, and the map {after}: once a sale is published, places are neither added nor taken away, since \
             holds, tickets and the log know each by its number; to sell other seats, make another event"
        ))),
        Imported::Blocked(count) => Err(in_use(format!(
            "{count} of its places are blocked: give them free before you bring another map, and block them again after"
        ))),
        Imported::OtherTiers => Err(in_use(
            "once a sale is published, the tiers keep their ids and their order, since fans' wishes name them; names and prices may change",
        )),
    }
}

fn in_use(detail: impl Into<String>) -> Problem {
    Problem::conflict("seat-map-in-use", "The event is on sale with its seat map", detail)
}

fn strands(count: usize, first: &[Stranded]) -> Problem {
    let told = first.iter().map(|Stranded { label, whose, loss }| {
        let whose = match whose {
            Whose::Sold => "sold",
            Whose::Held => "held",
            Whose::Blocked => "blocked",
            Whose::Past => "held once",
        };
        match loss {
            Loss::Gone => format!("{label} ({whose}): the map has no place of this name"),
            Loss::Moved { from, to } => format!("{label} ({whose}): it is place {from} of the hall and would be {to}"),
            Loss::Tier { from, to } => format!("{label} ({whose}): its tier is {from:?} and would be {to:?}"),
            Loss::Accessible => format!("{label} ({whose}): whether it is accessible would change"),
            Loss::Neighbour => format!("{label} ({whose}): no aisle would part it any more from the next place"),
        }
    });
    Problem::conflict(
        "seat-map-strands",
        "The seat map would strand places that somebody has or had",
        format!("{count} of them, of which the first {} are told; the map in force was kept", first.len()),
    )
    .with_faults(told.collect())
}

/// A body in one of the formats.
pub struct Body {
    csv: bool,
    bytes: Bytes,
}

impl Body {
    /// Its format, as far as the content type has it.
    fn format(&self, named: Option<Format>) -> Result<Format, Problem> {
        let format = named.unwrap_or(if self.csv { Format::Csv } else { Format::Usher });
        if (format == Format::Csv) == self.csv { Ok(format) } else { Err(not_a_map()) }
    }
}

fn not_a_map() -> Problem {
    let detail = "send content-type: text/csv for format=csv, and application/json for the others";
    Problem::new(415, "not-a-seat-map", "No format of seat maps has this content type", detail)
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let csv = kind.starts_with("text/csv");
        if !csv && !kind.starts_with("application/json") {
            return Err(not_a_map());
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = rejection.status().as_u16();
            Problem::new(status, "unreadable-body", "The body could not be read", rejection.body_text())
        })?;
        Ok(Self { csv, bytes })
    }
}

/// How many seats of each tier are free. Drafts are for members.
#[utoipa::path(get, path = "/v1/events/{event}/availability", tag = "seat maps", params(("event" = EventId, Path)),
    responses((status = 200, body = Availability)))]
pub async fn availability(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    principal: Option<Principal>,
) -> Result<Json<Availability>, Problem> {
    seen_by(&inventory, event, principal.as_ref()).await?;
    let (counts, seats_version) = inventory.store.tier_counts(event.0).await.map_err(|fault| problem(&fault))?;
    let tiers = counts
        .into_iter()
        .map(|count| TierAvailability {
            free: count.capacity.saturating_sub(count.held + count.sold + count.blocked),
            tier: count.code,
            held: count.held,
            sold: count.sold,
            blocked: count.blocked,
            capacity: count.capacity,
        })
        .collect();
    Ok(Json(Availability { tiers, seats_version }))
}
