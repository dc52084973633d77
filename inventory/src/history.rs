//! The seats over time, for the consoles.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use contracts::consoles::{AvailabilityHistory, AvailabilityPoint, SeatCounts};
use contracts::ids::EventId;
use contracts::problem::Problem;
use contracts::seat_map::SeatMap;
use contracts::server::{Account, Id, Json, Query};
use serde::Deserialize;
use store::availability::{OverTime, Part};
use tokio::sync::Mutex;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Inventory;
use crate::routes::{member_of, problem};

/// Moments told, at most.
const MOMENTS: u32 = 198;
/// For how long one is good.
const FRESH: Duration = Duration::from_secs(5);

/// What was read lately. One is read at a time: each adds up a whole sale.
#[derive(Debug, Default)]
pub struct Histories(Mutex<HashMap<Uuid, (Instant, Arc<OverTime>)>>);

impl Histories {
    async fn of(&self, inventory: &Inventory, event: Uuid) -> Result<Arc<OverTime>, Problem> {
        let mut kept = self.0.lock().await;
        kept.retain(|_, (at, _)| at.elapsed() < FRESH);
        if let Some((_, history)) = kept.get(&event) {
            return Ok(history.clone());
        }
        let read = inventory.store.availability_over_time(event, MOMENTS).await.map_err(|fault| problem(&fault))?;
        let read = Arc::new(read);
        kept.insert(event, (Instant::now(), read.clone()));
        Ok(read)
    }
}

/// What is counted apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Tiers.
    #[default]
    Tier,
    /// Sections and standing areas.
    Section,
}

/// How it is told.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Told {
    /// What is counted apart.
    by: By,
}

/// How many seats were free, held, sold and blocked since the first change.
#[utoipa::path(get, path = "/v1/events/{event}/availability/history", operation_id = "availability_history", tag = "seat maps",
    security(("bearer" = [])), params(("event" = EventId, Path), Told),
    responses((status = 200, body = AvailabilityHistory),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn history(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    Account(account): Account,
    Query(told): Query<Told>,
) -> Result<Json<AvailabilityHistory>, Problem> {
    member_of(&inventory, event, account).await?;
    let history = inventory.histories.of(&inventory, event.0).await?;
    let map = inventory.store.seat_map(event.0).await.map_err(|fault| problem(&fault))?;
    let map: SeatMap = map.and_then(|map| serde_json::from_value(map).ok()).unwrap_or_default();
    Ok(Json(summed(&history, |part| match told.by {
        By::Tier => part.tier.clone(),
        By::Section => name_of(&map, part),
    })))
}

fn name_of(map: &SeatMap, part: &Part) -> String {
    let nth = usize::from(part.section);
    let name = match nth.checked_sub(map.sections.len()).filter(|_| part.standing) {
        Some(area) => map.standing.get(area).map(|area| &area.name),
        None => map.sections.get(nth).map(|section| &section.name),
    };
    name.cloned().unwrap_or_else(|| format!("{}", nth + 1))
}

fn summed(history: &OverTime, name: impl Fn(&Part) -> String) -> AvailabilityHistory {
    let mut parts: Vec<String> = Vec::new();
    let group: Vec<usize> = history
        .parts
        .iter()
        .map(|part| {
            let name = name(part);
            parts.iter().position(|known| *known == name).unwrap_or_else(|| {
                parts.push(name);
                parts.len() - 1
            })
        })
        .collect();
    let points = history.points.iter().map(|point| {
        let mut counts = vec![store::availability::Counts::default(); parts.len()];
        for (group, of_part) in group.iter().zip(&point.counts) {
            counts[*group] += *of_part;
        }
        let told = |of: store::availability::Counts| SeatCounts {
            free: of.free,
            held: of.held,
            sold: of.sold,
            blocked: of.blocked,
        };
        AvailabilityPoint { at_ms: point.at_ms, counts: counts.into_iter().map(told).collect() }
    });
    let points = points.collect();
    AvailabilityHistory { parts, points }
}
