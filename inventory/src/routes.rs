//! The role's paths: the seat map in and out, and availability.

use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chassis::http::body_limit;
use contracts::accounts::Role;
use contracts::consoles::{Availability, TierAvailability};
use contracts::ids::EventId;
use contracts::papers::{Papers, Principal};
use contracts::problem::Problem;
use contracts::seat_map::SeatMap;
use contracts::server::{Account, Id, Json};
use store::StoreError;
use store::halls::Imported;

use crate::{Inventory, import};

impl FromRef<Inventory> for Papers {
    fn from_ref(inventory: &Inventory) -> Self {
        inventory.papers.clone()
    }
}

pub fn router(inventory: &Inventory) -> Router {
    let map = get(read_map).merge(axum::routing::put(write_map).layer(body_limit(inventory.config.map_bytes_max)));
    Router::new()
        .route("/v1/events/{event}/seat-map", map)
        .route("/v1/events/{event}/availability", get(availability))
        .with_state(inventory.clone())
}

fn problem(fault: &StoreError) -> Problem {
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

/// The seat map in force. Drafts are for members.
#[utoipa::path(get, path = "/v1/events/{event}/seat-map", operation_id = "read", tag = "seat maps", params(("event" = EventId, Path)),
    responses((status = 200, body = SeatMap)))]
pub async fn read_map(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    principal: Option<Principal>,
) -> Result<Response, Problem> {
    seen_by(&inventory, event, principal.as_ref()).await?;
    let map = inventory.store.seat_map(event.0).await.map_err(|fault| problem(&fault))?;
    map.map(|map| Json(map).into_response()).ok_or_else(|| Problem::not_found("seat map: the event has none yet"))
}

/// Gives the event its seat map, or another one.
#[utoipa::path(put, path = "/v1/events/{event}/seat-map", operation_id = "write", tag = "seat maps", security(("bearer" = [])),
    params(("event" = EventId, Path)), request_body = SeatMap,
    responses((status = 204, description = "It is in force")))]
pub async fn write_map(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    Account(account): Account,
    Json(map): Json<SeatMap>,
) -> Result<StatusCode, Problem> {
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
    let faults = map.faults();
    if !faults.is_empty() {
        return Err(Problem::new(
            422,
            "seat-map-faults",
            "The seat map has faults",
            format!("{} found; mend them and send it again; the map in force was kept", faults.len()),
        )
        .with_faults(faults));
    }
    let (tiers, units) = import::rows(&map);
    let document = serde_json::to_value(&map).map_err(|_| Problem::internal())?;
    match inventory.store.import_map(event.0, &document, &tiers, &units).await.map_err(|fault| problem(&fault))? {
        Imported::Done => Ok(StatusCode::NO_CONTENT),
        Imported::NoEvent => Err(Problem::not_found("event")),
        Imported::SalePublished => Err(Problem::conflict(
            "seat-map-in-use",
            "The event is on sale with its seat map",
            "a map can be replaced until a sale of the event is published; to sell other seats, make another event",
        )),
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
            free: count.capacity.saturating_sub(count.held + count.sold),
            tier: count.code,
            held: count.held,
            sold: count.sold,
            blocked: 0,
            capacity: count.capacity,
        })
        .collect();
    Ok(Json(Availability { tiers, seats_version }))
}
