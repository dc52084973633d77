//! From a seat map as promoters write it to units as the store keeps them.

use std::collections::HashMap;

use contracts::seat_map::{MapSeat, Row, SeatMap, Section};
use domain::seats::{LONGEST_STRETCH, Stage, WORST, qualities};
use store::halls::{TierRow, UnitRow};

/// Tiers and units of a sound map, in its order: seats first, then standing places.
pub fn rows(map: &SeatMap) -> (Vec<TierRow>, Vec<UnitRow>) {
    let index: HashMap<&str, u8> =
        map.tiers.iter().enumerate().map(|(nth, tier)| (tier.id.as_str(), nth as u8)).collect();
    let mut tiers: Vec<TierRow> = map
        .tiers
        .iter()
        .map(|tier| TierRow {
            code: tier.id.clone(),
            name: tier.name.clone(),
            price_minor: tier.price_minor,
            fee_minor: tier.fee_minor,
            capacity: 0,
        })
        .collect();
    let by_stage = map.stage.map(|stage| {
        let stage = Stage { at: (stage.x, stage.y), faces: stage.faces.map(|point| (point.x, point.y)) };
        let centres = map.seats().map(|(section, row, seat)| seat.centre(section, row));
        qualities(&stage, &centres.map(|centre| (centre.x, centre.y)).collect::<Vec<_>>())
    });
    let mut units = Vec::with_capacity(map.units() as usize);
    let mut stretch = 0;
    for (section_no, section) in map.sections.iter().enumerate() {
        // Pieces of a row are as far apart as it is: not at all.
        let mut numbers = HashMap::new();
        for (nth, row) in section.rows.iter().enumerate() {
            let row_no = *numbers.entry(row.label.as_str()).or_insert(nth);
            let mut length = 0;
            for seat in &row.seats {
                length += 1;
                units.push(UnitRow {
                    tier: index[seat.tier.as_str()],
                    stretch,
                    section: section_no as u16,
                    row: row_no as u16,
                    standing: false,
                    accessible: seat.accessible,
                    companion: seat.companion,
                    quality: by_stage.as_ref().map(|qualities| qualities[units.len()]),
                    label: label(section, row, seat),
                });
                if seat.aisle_after || length == LONGEST_STRETCH {
                    stretch += 1;
                    length = 0;
                }
            }
            if length > 0 {
                stretch += 1;
            }
        }
    }
    for (area_no, area) in map.standing.iter().enumerate() {
        for _ in 0..area.capacity {
            units.push(UnitRow {
                tier: index[area.tier.as_str()],
                stretch,
                section: (map.sections.len() + area_no) as u16,
                row: 0,
                standing: true,
                accessible: false,
                companion: false,
                quality: by_stage.as_ref().map(|_| WORST + 1 + area_no as u32),
                label: format!("{}, standing", area.name),
            });
        }
        stretch += 1;
    }
    for unit in &units {
        tiers[usize::from(unit.tier)].capacity += 1;
    }
    (tiers, units)
}

/// What fans read of a seat, on their page and on the ticket: all that they should know of it before they pay.
fn label(section: &Section, row: &Row, seat: &MapSeat) -> String {
    let kind = if row.table { "table" } else { "row" };
    let view = seat.restricted_view.as_ref().map(|view| format!(" (restricted view: {view})")).unwrap_or_default();
    format!("{}, {kind} {}, seat {}{view}", section.name, row.label, seat.label)
}

#[cfg(test)]
mod tests {
    use contracts::seat_map::{FORMAT, MapTier, StandingArea};

    use super::*;

    fn seat(label: &str, aisle_after: bool) -> MapSeat {
        MapSeat { label: label.into(), tier: "a".into(), aisle_after, ..MapSeat::default() }
    }

    fn row(label: &str, seats: Vec<MapSeat>) -> Row {
        Row { label: label.into(), seats, ..Row::default() }
    }

    #[test]
    fn the_stage_decides_where_it_is_said_to_be() {
        let at = |label: &str, x| MapSeat { x, ..seat(label, false) };
        let mut map = SeatMap {
            tiers: vec![MapTier { id: "a".into(), ..MapTier::default() }],
            sections: vec![Section {
                rows: vec![Row { y: 10.0, ..row("1", vec![at("1", 0.0), at("2", 10.0)]) }],
                ..Section::default()
            }],
            standing: vec![StandingArea { name: "Pit".into(), tier: "a".into(), capacity: 1 }],
            ..SeatMap::default()
        };
        let of = |map: &SeatMap| rows(map).1.iter().map(|unit| unit.quality).collect::<Vec<_>>();
        assert_eq!(of(&map), [None; 3]);
        map.stage = Some(contracts::seat_map::Stage { x: 10.0, y: 0.0, faces: None });
        // The second seat is nearer; standing places come last.
        assert_eq!(of(&map), [Some(1_000_000), Some(707_107), Some(1_000_001)]);
    }

    #[test]
    fn aisles_and_rows_part_stretches_and_standing_places_come_last() {
        let behind_a_pillar = MapSeat { restricted_view: Some("a pillar".into()), ..seat("1", false) };
        let map = SeatMap {
            format: FORMAT.into(),
            name: "Hall".into(),
            tiers: vec![
                MapTier { id: "a".into(), name: "A".into(), price_minor: 1, ..MapTier::default() },
                MapTier { id: "floor".into(), name: "Floor".into(), price_minor: 1, ..MapTier::default() },
            ],
            sections: vec![Section {
                name: "S".into(),
                rows: vec![
                    row("1", vec![seat("1", false), seat("2", true), seat("3", true)]),
                    Row { table: true, ..row("2", vec![behind_a_pillar]) },
                ],
                ..Section::default()
            }],
            standing: vec![StandingArea { name: "Pit".into(), tier: "floor".into(), capacity: 2 }],
            ..SeatMap::default()
        };
        assert!(map.faults().is_empty());
        let (tiers, units) = rows(&map);
        assert_eq!(units.iter().map(|unit| unit.stretch).collect::<Vec<_>>(), [0, 0, 1, 2, 3, 3]);
        assert_eq!(units[1].label, "S, row 1, seat 2");
        assert_eq!(units[3].label, "S, table 2, seat 1 (restricted view: a pillar)");
        assert_eq!(units[5].label, "Pit, standing");
        assert_eq!(tiers.iter().map(|tier| tier.capacity).collect::<Vec<_>>(), [4, 2]);
    }
}
