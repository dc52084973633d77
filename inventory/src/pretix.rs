//! To and from pretix's seating plans. What a plan says is in the map, in its order, so that it comes back without a difference;
//! what a plan cannot say is in the [`Side`] file.

mod plan;
mod side;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use contracts::seat_map::{
    FORMAT, MapSeat, MapTier, Point, Row, RowDrawing, SeatDrawing, SeatMap, Section, SectionDrawing, Size,
};

pub use self::plan::{Category, Plan, PlanRow, PlanSeat, Zone};
pub use self::side::Side;

/// The plan of a sound map.
pub fn export(map: &SeatMap) -> Plan {
    Plan {
        name: map.name.clone(),
        categories: map
            .tiers
            .iter()
            .map(|tier| Category { name: tier.id.clone(), color: tier.color.clone() })
            .collect(),
        zones: map.sections.iter().map(zone).collect(),
        size: map.size.unwrap_or_else(|| room(map)),
    }
}

/// The map of a plan. What the plan cannot say is taken from the side file; without one, from the map that is `known`, for the
/// categories and seats that it has, too.
///
/// # Errors
/// What the side file lacks or has too much, one line each. Other faults are for [`SeatMap::faults`] to find.
pub fn import(plan: Plan, side: Option<&Side>, known: Option<&SeatMap>) -> Result<SeatMap, Vec<String>> {
    let of_known;
    let of_nobody = Side::default();
    let said = match (side, known) {
        (Some(side), _) => side,
        (None, Some(known)) => {
            of_known = Side::of(known);
            &of_known
        }
        (None, None) => &of_nobody,
    };
    let mut faults = Vec::new();
    if side.is_some_and(|side| side.format != side::FORMAT) {
        faults.push(format!("side file: format: expected {:?}, got {:?}", side::FORMAT, said.format));
    }
    let tiers = tiers(plan.categories, said, &mut faults);
    let mut map = SeatMap {
        format: FORMAT.to_owned(),
        name: plan.name,
        size: None,
        stage: said.stage,
        tiers,
        sections: Vec::with_capacity(plan.zones.len()),
        standing: said.standing.clone(),
    };
    let mut met = HashSet::new();
    for (nth, zone) in plan.zones.into_iter().enumerate() {
        map.sections.push(section(nth, zone, said, &mut met));
    }
    if side.is_some() {
        let unknown = said.seats.keys().filter(|guid| !met.contains(guid.as_str()));
        faults.extend(unknown.map(|guid| format!("side file: the plan has no seat with the seat_guid {guid:?}")));
    }
    // As large as the seats need is as good as not said.
    map.size = (plan.size != room(&map)).then_some(plan.size);
    faults.truncate(contracts::seat_map::FAULTS_MAX);
    if faults.is_empty() { Ok(map) } else { Err(faults) }
}

/// What a seat is known by outside: what it says itself, or its section, row and label.
fn guid(section: &Section, row: &Row, seat: &MapSeat) -> String {
    let said = seat.drawing.as_ref().and_then(|drawing| drawing.seat_guid.clone());
    said.unwrap_or_else(|| made_up_guid(&section.name, &row.label, &seat.label))
}

fn made_up_guid(section: &str, row: &str, seat: &str) -> String {
    let plain = |part: &str| part.replace('%', "%25").replace('/', "%2F");
    format!("{}/{}/{}", plain(section), plain(row), plain(seat))
}

/// The least size that has all seats in it.
fn room(map: &SeatMap) -> Size {
    let far = map
        .seats()
        .map(|(section, row, seat)| seat.centre(section, row))
        .fold(Point::default(), |far, centre| Point { x: far.x.max(centre.x), y: far.y.max(centre.y) });
    let whole = |far: f64| far.ceil() as i64 + 1;
    Size { width: whole(far.x), height: whole(far.y) }
}

fn tiers(categories: Vec<Category>, said: &Side, faults: &mut Vec<String>) -> Vec<MapTier> {
    let priced: BTreeMap<&str, &MapTier> = said.tiers.iter().map(|tier| (tier.id.as_str(), tier)).collect();
    let mut tiers = Vec::with_capacity(categories.len());
    for Category { name, color } in categories {
        match priced.get(name.as_str()) {
            Some(&tier) => tiers.push(MapTier { color, ..tier.clone() }),
            None => faults.push(format!(
                "category {name:?}: a plan says no prices, and neither a side file nor the map in force has one for it"
            )),
        }
    }
    // Standing areas are not in the plan, so their tiers need not be.
    for area in &said.standing {
        if let Some(&tier) = priced.get(area.tier.as_str())
            && !tiers.iter().any(|known| known.id == area.tier)
        {
            tiers.push(tier.clone());
        }
    }
    tiers
}

fn zone(section: &Section) -> Zone {
    let SectionDrawing { unnamed, zone_id, uuid, areas } = section.drawing.as_deref().cloned().unwrap_or_default();
    let row = |row: &Row| {
        let RowDrawing { row_label, seat_label, uuid, row_number_position } =
            row.drawing.as_deref().cloned().unwrap_or_default();
        PlanRow {
            row_number: row.label.clone(),
            row_label,
            seat_label,
            uuid,
            row_number_position,
            position: Point { x: row.x, y: row.y },
            seats: row.seats.iter().map(|seat| plan_seat(section, row, seat)).collect(),
        }
    };
    Zone {
        name: (!unnamed).then(|| section.name.clone()),
        zone_id,
        uuid,
        position: Point { x: section.x, y: section.y },
        rows: section.rows.iter().map(row).collect(),
        areas,
    }
}

fn plan_seat(section: &Section, row: &Row, seat: &MapSeat) -> PlanSeat {
    let SeatDrawing { uuid, start_direction, radius, .. } = seat.drawing.as_deref().cloned().unwrap_or_default();
    PlanSeat {
        seat_guid: guid(section, row, seat),
        seat_number: seat.label.clone(),
        uuid,
        start_direction,
        radius,
        position: Point { x: seat.x, y: seat.y },
        category: seat.tier.clone(),
    }
}

fn section(nth: usize, zone: Zone, said: &Side, met: &mut HashSet<String>) -> Section {
    let Zone { name, zone_id, uuid, position, rows, areas } = zone;
    let drawing = SectionDrawing { unnamed: name.is_none(), zone_id, uuid, areas };
    let name = name.or_else(|| drawing.zone_id.clone()).unwrap_or_else(|| format!("Zone {}", nth + 1));
    let rows = rows.into_iter().map(|row| map_row(&name, row, said, met)).collect();
    Section { rows, name, x: position.x, y: position.y, drawing: unless_default(drawing) }
}

fn map_row(section: &str, row: PlanRow, said: &Side, met: &mut HashSet<String>) -> Row {
    let PlanRow { row_number, row_label, seat_label, uuid, row_number_position, position, seats } = row;
    let mut table = false;
    let seats = seats.into_iter().map(|seat| {
        let PlanSeat { seat_guid, seat_number, uuid, start_direction, radius, position, category } = seat;
        let side = said.seats.get(&seat_guid).cloned().unwrap_or_default();
        table |= side.table;
        let made_up = seat_guid == made_up_guid(section, &row_number, &seat_number);
        met.insert(seat_guid.clone());
        let drawing = SeatDrawing { seat_guid: (!made_up).then_some(seat_guid), uuid, start_direction, radius };
        MapSeat {
            label: seat_number,
            tier: category,
            x: position.x,
            y: position.y,
            aisle_after: side.aisle_after,
            accessible: side.accessible,
            companion: side.companion,
            restricted_view: side.restricted_view,
            drawing: unless_default(drawing),
        }
    });
    let seats = seats.collect();
    let drawing = unless_default(RowDrawing { row_label, seat_label, uuid, row_number_position });
    Row { seats, table, x: position.x, y: position.y, drawing, label: row_number }
}

fn unless_default<T: Default + PartialEq>(value: T) -> Option<Box<T>> {
    (value != T::default()).then(|| Box::new(value))
}
