//! A fan's own place: changed while it waits, and explained.

use axum::extract::State;
use contracts::access::{ChangeWishes, PlaceHistory, PlaceStep, StepKind};
use contracts::ids::{BookingId, PlaceId, SaleId};
use contracts::papers::Principal;
use contracts::places::Joined;
use contracts::problem::Problem;
use contracts::server::{Id, Json};
use store::place_history::Step;
use store::wishes::{NewWishes, Rewished};

use crate::desk::{Desk, problem};
use crate::limits::{Reads, Within, Writes};
use crate::places::{Listening, accepts, check_party, joined, not_live, own_place, settings};

/// Changes how many tickets the party wants and what it wishes, until seats are held for it. The place stays where it is.
#[utoipa::path(patch, path = "/v1/sales/{sale}/places/mine", operation_id = "change_wishes", tag = "places",
    security(("bearer" = [])), params(("sale" = SaleId, Path)), request_body = ChangeWishes,
    responses((status = 200, body = Joined),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn change(
    State(desk): State<Desk>,
    _: Within<Writes>,
    Id(sale): Id<SaleId>,
    principal: Principal,
    Listening(listen): Listening,
    Json(change): Json<ChangeWishes>,
) -> Result<Json<Joined>, Problem> {
    desk.limits.writes_per_person.check(&principal.fan())?;
    let place = own_place(&desk, sale, &principal).await?.ok_or_else(not_live)?;
    let settings = settings(&desk, sale).await?;
    let party = change.party.unwrap_or(place.party);
    check_party(party, &settings)?;
    let (tiers, accepts) = match &change.wishes {
        Some(wishes) => (wishes.tier_bits(&settings.tiers)?, accepts(wishes)),
        None => (place.tiers, place.accepts),
    };
    let wishes = NewWishes { party, tiers, accepts };
    match desk.store.change_wishes(place.id, place.fan, wishes).await.map_err(|fault| problem(&fault))? {
        Rewished::Done => {}
        Rewished::TooLate => {
            return Err(Problem::conflict(
                "too-late",
                "Seats are held already",
                "they are for what the party wanted before; give them back if they do not fit",
            ));
        }
        Rewished::TooOften => {
            return Err(Problem::conflict(
                "changed-too-often",
                "The wishes were changed very often",
                "they stay as they are now; the place is as good as before",
            ));
        }
        Rewished::NotLive => return Err(not_live()),
    }
    let row = desk.store.place(place.id).await.map_err(|fault| problem(&fault))?.ok_or_else(Problem::internal)?;
    let version = desk.store.joins_version(sale.0).await.map_err(|fault| problem(&fault))?;
    Ok(Json(joined(&desk, &row, &settings, version, listen)?))
}

/// What became of the place, and why: when it joined, what it drew, when it was passed over and when its fan was last seen.
#[utoipa::path(get, path = "/v1/sales/{sale}/places/mine/history", operation_id = "place_history", tag = "places",
    security(("bearer" = [])), params(("sale" = SaleId, Path)),
    responses((status = 200, body = PlaceHistory),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn history(
    State(desk): State<Desk>,
    _: Within<Reads>,
    Id(sale): Id<SaleId>,
    principal: Principal,
) -> Result<Json<PlaceHistory>, Problem> {
    let _turn = desk.read_turn().await?;
    let none = || Problem::not_found("place: you have none in this sale");
    let place = own_place(&desk, sale, &principal).await?.ok_or_else(none)?;
    let history = desk.store.place_history(place.id).await.map_err(|fault| problem(&fault))?.ok_or_else(none)?;
    let mut steps: Vec<PlaceStep> = history.steps.into_iter().map(|(at_ms, step)| shown(at_ms, step)).collect();
    let mut number = place.entry;
    if let Some(draw) = history.draw {
        number = desk.numbers(sale, draw.seed, draw.size).await?.number(place.entry);
        let behind = steps.partition_point(|step| step.at_ms <= draw.at_ms);
        steps.insert(behind, PlaceStep::new(draw.at_ms, StepKind::Drawn));
    }
    Ok(Json(PlaceHistory {
        place_id: PlaceId(place.id),
        sale_id: sale,
        entry: place.entry,
        number,
        class: history.class.0,
        reason: history.reason,
        steps,
    }))
}

fn shown(at_ms: i64, step: Step) -> PlaceStep {
    let of = |kind| PlaceStep::new(at_ms, kind);
    match step {
        Step::Joined => of(StepKind::Joined),
        Step::Transferred => of(StepKind::Transferred),
        Step::Skipped { seen_ms } => PlaceStep { seen_at_ms: seen_ms, ..of(StepKind::Skipped) },
        Step::Admitted => of(StepKind::Admitted),
        Step::Held { booking, deadline_ms } => {
            let booking_id = Some(BookingId(booking));
            PlaceStep { booking_id, deadline_ms: Some(deadline_ms), ..of(StepKind::Held) }
        }
        Step::BookingEnded { booking, state } => {
            PlaceStep { booking_id: Some(BookingId(booking)), how: Some(state), ..of(StepKind::BookingEnded) }
        }
        Step::Removed { reason, .. } => PlaceStep { reason: Some(reason), ..of(StepKind::Removed) },
        Step::PutBack { reason, from, front, .. } => {
            PlaceStep { reason: Some(reason), how: Some(from), front, ..of(StepKind::PutBack) }
        }
        Step::Ended { state } => PlaceStep { how: Some(state), ..of(StepKind::Ended) },
    }
}
