//! Seats that the promoter keeps back and gives free again, named as the seat map names them.

use std::collections::HashSet;

use axum::extract::State;
use axum::response::Response;
use contracts::accounts::Role;
use contracts::blocks::{BLOCK_MAX, Block, BlockOpening, BlockedSeat, Blocks, FreeSeats, HallPart, MakeBlock};
use contracts::ids::{BlockId, EventId};
use contracts::problem::Problem;
use contracts::seat_map::SeatMap;
use contracts::server::{Account, Id, IdempotencyKey, Json, Query};
use once::{Asked, Keys};
use serde::Deserialize;
use store::blocks::{BlockRow, Blocked, NewBlock, Unblocked};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::Inventory;
use crate::routes::problem;

/// Blocks on a page, at most.
const PAGE_MAX: i64 = 200;
/// And where nothing is said.
const PAGE: i64 = 50;
/// Parts named at once, at most.
const PARTS_MAX: usize = 100;

/// Lets only the event's promoters through. To strangers a draft does not exist.
async fn promoter_of(inventory: &Inventory, event: EventId, account: Uuid) -> Result<(), Problem> {
    let owner = inventory.store.event_owner(event.0).await.map_err(|fault| problem(&fault))?;
    let owner = owner.ok_or_else(|| Problem::not_found("event"))?;
    let roles = inventory.store.roles_in(account, owner.organisation).await.map_err(|fault| problem(&fault))?;
    if roles.iter().any(|role| role == Role::Promoter.name()) {
        Ok(())
    } else if roles.is_empty() && !owner.published {
        Err(Problem::not_found("event"))
    } else {
        Err(Problem::forbidden("only its promoters keep an event's seats back"))
    }
}

async fn map_of(inventory: &Inventory, event: EventId) -> Result<SeatMap, Problem> {
    let map = inventory.store.seat_map(event.0).await.map_err(|fault| problem(&fault))?;
    let map = map.ok_or_else(|| Problem::not_found("seat map: the event has none yet"))?;
    serde_json::from_value(map).map_err(|_| Problem::internal())
}

/// Keeps seats back, all or none, whether a sale runs or not.
#[utoipa::path(post, path = "/v1/events/{event}/blocks", operation_id = "block", tag = "seat maps", security(("bearer" = [])),
    params(("event" = EventId, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = MakeBlock,
    responses((status = 201, body = Block),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn make(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    Account(account): Account,
    key: IdempotencyKey,
    Json(body): Json<MakeBlock>,
) -> Result<Response, Problem> {
    promoter_of(&inventory, event, account).await?;
    let (label, note) = (body.label.trim(), body.note.trim());
    if !(1..=100).contains(&label.chars().count()) || note.chars().count() > 500 {
        return Err(Problem::invalid("label: 1 to 100 characters; note: at most 500"));
    }
    let asked = Asked { account, key, path: format!("/v1/events/{event}/blocks"), body: &body };
    let (inventory, body) = (&inventory, &body);
    let keys = Keys {
        store: &inventory.store,
        clock: &inventory.clock,
        takeover_ms: inventory.config.idempotency_takeover_ms,
        problem,
    };
    keys.once(asked, async |block: Uuid| {
        // Made before, and never answered: of a standing area other places would be named now.
        if let Some(made) = one(inventory, block).await? {
            return Ok(made);
        }
        check_opening(body.frees_at_ms, inventory.clock.now_ms())?;
        let map = map_of(inventory, event).await?;
        let live = inventory.store.live_seats(event.0).await.map_err(|fault| problem(&fault))?;
        let taken: HashSet<u32> = live.into_iter().map(|(seat, _)| seat).collect();
        let seats = match seats_of(&map, &body.parts, &taken) {
            Ok(seats) => seats,
            // Whoever took this over may have made it meanwhile, and then the places that are missing are its own.
            Err(fault) => return one(inventory, block).await?.ok_or(fault),
        };
        let new = NewBlock { id: block, event: event.0, label, note, frees_at_ms: body.frees_at_ms, seats: &seats };
        let blocked = inventory.store.block_seats(&new, account).await;
        match blocked.map_err(|fault| problem(&fault))? {
            Blocked::Done => one(inventory, block).await?.ok_or_else(Problem::internal),
            Blocked::NoSeats => {
                Err(Problem::conflict("seat-map-changed", "The seat map was changed meanwhile", "look again"))
            }
            Blocked::Taken(first) => {
                let told = first.iter().map(|seat| format!("{}: {}", seat.label, seat.state)).collect();
                let detail = "none was blocked; leave out those that are told, or wait until they are free";
                Err(Problem::conflict("seats-taken", "Somebody has some of these seats", detail).with_faults(told))
            }
        }
    })
    .await
}

/// Gives blocked seats free again, all or none: they go to the head of the line at once.
#[utoipa::path(post, path = "/v1/events/{event}/blocks/{block}/free", operation_id = "free", tag = "seat maps", security(("bearer" = [])),
    params(("event" = EventId, Path), ("block" = BlockId, Path)), request_body = FreeSeats,
    responses((status = 200, body = Block, description = "What is still in it"),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn free(
    State(inventory): State<Inventory>,
    Id((event, block)): Id<(EventId, BlockId)>,
    Account(account): Account,
    Json(body): Json<FreeSeats>,
) -> Result<Json<Block>, Problem> {
    promoter_of(&inventory, event, account).await?;
    let reason = body.reason.trim();
    if reason.chars().count() > 500 || body.seats.as_ref().is_some_and(|seats| seats.len() > BLOCK_MAX) {
        return Err(Problem::invalid(format!("reason: at most 500 characters; seats: at most {BLOCK_MAX}")));
    }
    let freed = inventory.store.unblock_seats(event.0, block.0, account, reason, body.seats.as_deref()).await;
    match freed.map_err(|fault| problem(&fault))? {
        Unblocked::Done(_) => one(&inventory, block.0).await?.map(Json).ok_or_else(Problem::internal),
        Unblocked::NotBlocked => Err(Problem::conflict(
            "not-blocked",
            "These seats are not blocked",
            "none was given free; look again: somebody may have been quicker",
        )),
    }
}

/// Sets when what is still in a block is given free by itself, to the head of the line, or that it is not.
#[utoipa::path(put, path = "/v1/events/{event}/blocks/{block}/opening", operation_id = "open_block", tag = "seat maps", security(("bearer" = [])),
    params(("event" = EventId, Path), ("block" = BlockId, Path)), request_body = BlockOpening,
    responses((status = 200, body = Block),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn open(
    State(inventory): State<Inventory>,
    Id((event, block)): Id<(EventId, BlockId)>,
    Account(account): Account,
    Json(body): Json<BlockOpening>,
) -> Result<Json<Block>, Problem> {
    promoter_of(&inventory, event, account).await?;
    check_opening(body.frees_at_ms, inventory.clock.now_ms())?;
    let known = inventory.store.free_block_at(event.0, block.0, account, body.frees_at_ms).await;
    if !known.map_err(|fault| problem(&fault))? {
        return Err(Problem::not_found("block"));
    }
    one(&inventory, block.0).await?.map(Json).ok_or_else(Problem::internal)
}

/// From now to the year 2199: later is a slip of a factor of a thousand, and what is past would free the seats at once, without a
/// reason.
fn check_opening(at_ms: Option<i64>, now_ms: i64) -> Result<(), Problem> {
    if at_ms.is_some_and(|at_ms| !(now_ms..=7_258_118_399_999).contains(&at_ms)) {
        let detail = "frees_at_ms: must be in the future, in milliseconds since 1970; seats are freed at once by hand";
        return Err(Problem::invalid(detail));
    }
    Ok(())
}

/// The parameters of a page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// The last block of the page before.
    after: Option<BlockId>,
    /// How many.
    limit: Option<i64>,
}

/// An event's blocks that have seats still, newest first.
#[utoipa::path(get, path = "/v1/events/{event}/blocks", operation_id = "blocks", tag = "seat maps", security(("bearer" = [])),
    params(("event" = EventId, Path), Page),
    responses((status = 200, body = Blocks, description = "A page; ask again after its last one"),
              (status = "default", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(inventory): State<Inventory>,
    Id(event): Id<EventId>,
    Account(account): Account,
    Query(page): Query<Page>,
) -> Result<Json<Blocks>, Problem> {
    promoter_of(&inventory, event, account).await?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let rows = inventory.store.blocks(event.0, page.after.map(|block| block.0), limit).await;
    let blocks = rows.map_err(|fault| problem(&fault))?.into_iter().map(shown).collect();
    Ok(Json(Blocks { blocks }))
}

async fn one(inventory: &Inventory, block: Uuid) -> Result<Option<Block>, Problem> {
    Ok(inventory.store.block(block).await.map_err(|fault| problem(&fault))?.map(shown))
}

fn shown(row: BlockRow) -> Block {
    Block {
        block_id: BlockId(row.id),
        label: row.label,
        note: row.note,
        made_at_ms: row.made_at_ms,
        by: row.by,
        frees_at_ms: row.frees_at_ms,
        seats: row.seats.into_iter().map(|(seat, label, given)| BlockedSeat { seat, label, given }).collect(),
    }
}

/// The ordinals of the parts, each once. Of a standing area places are taken from its end that nobody has.
fn seats_of(map: &SeatMap, parts: &[HallPart], taken: &HashSet<u32>) -> Result<Vec<u32>, Problem> {
    if !(1..=PARTS_MAX).contains(&parts.len()) {
        return Err(Problem::invalid(format!("parts: 1 to {PARTS_MAX}, not {}", parts.len())));
    }
    let mut seats: Vec<u32> = Vec::new();
    let mut faults = Vec::new();
    for (nth, part) in (1..).zip(parts) {
        match of_part(map, part, taken, &seats) {
            Ok(more) => seats.extend(more),
            Err(fault) => faults.push(format!("part {nth}: {fault}")),
        }
    }
    if !faults.is_empty() {
        return Err(Problem::invalid(faults.join("; ")).with_faults(faults));
    }
    seats.sort_unstable();
    seats.dedup();
    if seats.len() > BLOCK_MAX {
        return Err(Problem::invalid(format!("parts: {} seats, more than {BLOCK_MAX} at once", seats.len())));
    }
    Ok(seats)
}

fn of_part(map: &SeatMap, part: &HallPart, taken: &HashSet<u32>, named: &[u32]) -> Result<Vec<u32>, String> {
    // Ordinals are in the map's order: seats first, then standing places.
    let mut next = 0;
    for section in &map.sections {
        let first = next;
        next += section.rows.iter().map(|row| row.seats.len() as u32).sum::<u32>();
        if section.name != part.section {
            continue;
        }
        if part.count.is_some() {
            return Err(format!("{} has seats: name rows and seats, not a count", part.section));
        }
        let Some(row) = &part.row else {
            let whole = part.seats.is_none().then(|| (first..next).collect());
            return whole.ok_or_else(|| "seats: name their row, too".to_owned());
        };
        let mut of_row: Vec<(u32, &str)> = Vec::new();
        let mut ordinal = first;
        for piece in &section.rows {
            for seat in &piece.seats {
                if piece.label == *row {
                    of_row.push((ordinal, &seat.label));
                }
                ordinal += 1;
            }
        }
        if of_row.is_empty() {
            return Err(format!("{} has no row {row}", section.name));
        }
        let Some(labels) = &part.seats else { return Ok(of_row.into_iter().map(|(seat, _)| seat).collect()) };
        let find = |label: &String| {
            let found = of_row.iter().find(|(_, has)| has == label).map(|(seat, _)| *seat);
            found.ok_or_else(|| format!("{}, row {row} has no seat {label}", section.name))
        };
        return labels.iter().map(find).collect();
    }
    for area in &map.standing {
        let first = next;
        next += area.capacity;
        if area.name != part.section {
            continue;
        }
        if part.row.is_some() || part.seats.is_some() {
            return Err(format!("{} is a standing area: it has no rows, say how many places as count", area.name));
        }
        let count = part.count.unwrap_or(area.capacity) as usize;
        let nobodys = (first..next).rev().filter(|seat| !taken.contains(seat) && !named.contains(seat));
        let seats: Vec<u32> =
            if part.count.is_none() { (first..next).collect() } else { nobodys.take(count).collect() };
        if seats.len() < count {
            return Err(format!("{} has only {} places that nobody has", area.name, seats.len()));
        }
        return Ok(seats);
    }
    Err(format!("the hall has no section or area {}", part.section))
}

#[cfg(test)]
mod tests {
    use contracts::seat_map::{MapSeat, Row, Section, StandingArea};

    use super::*;

    fn map() -> SeatMap {
        let seat = |label: &str| MapSeat { label: label.into(), ..MapSeat::default() };
        let row = |label: &str, seats: &[&str]| Row {
            label: label.into(),
            seats: seats.iter().map(|label| seat(label)).collect(),
            ..Row::default()
        };
        let rows = vec![row("1", &["1", "2"]), row("2", &["1"]), row("1", &["3"])];
        SeatMap {
            sections: vec![
                Section { name: "A".into(), rows, ..Section::default() },
                Section { name: "B".into(), rows: vec![row("1", &["1"])], ..Section::default() },
            ],
            standing: vec![StandingArea { name: "Pit".into(), tier: "pit".into(), capacity: 3 }],
            ..SeatMap::default()
        }
    }

    fn part(section: &str, row: Option<&str>, seats: Option<&[&str]>, count: Option<u32>) -> HallPart {
        HallPart {
            section: section.into(),
            row: row.map(Into::into),
            seats: seats.map(|seats| seats.iter().map(|seat| (*seat).into()).collect()),
            count,
        }
    }

    #[test]
    fn parts_are_found_by_the_maps_names() {
        let of = |parts: &[HallPart]| seats_of(&map(), parts, &HashSet::from([6])).unwrap();
        assert_eq!(of(&[part("A", None, None, None)]), [0, 1, 2, 3]);
        assert_eq!(of(&[part("A", Some("1"), None, None)]), [0, 1, 3], "pieces of a row are one row");
        assert_eq!(of(&[part("B", None, None, None), part("A", Some("1"), Some(&["3", "2"]), None)]), [1, 3, 4]);
        // Of 5, 6 and 7 the middle one is somebody's.
        let pit = part("Pit", None, None, Some(1));
        assert_eq!(of(&[pit.clone(), pit]), [5, 7]);
    }

    #[test]
    fn what_the_hall_has_not_is_told_and_nothing_is_blocked() {
        for (part, told) in [
            (part("C", None, None, None), "no section or area C"),
            (part("A", Some("9"), None, None), "A has no row 9"),
            (part("A", Some("2"), Some(&["7"]), None), "A, row 2 has no seat 7"),
            (part("A", None, Some(&["7"]), None), "name their row"),
            (part("A", None, None, Some(2)), "not a count"),
            (part("Pit", Some("1"), None, None), "a standing area"),
            (part("Pit", None, None, Some(3)), "only 2 places"),
        ] {
            let detail = seats_of(&map(), &[part], &HashSet::from([6])).unwrap_err().detail;
            assert!(detail.contains(told), "{told}: {detail}");
        }
    }
}
