//! For tests: maps of every kind that the format can tell, and one with 60,000 seats.

use contracts::seat_map::{
    Area, Circle, FORMAT, MapSeat, MapTier, NumbersAt, Point, Polygon, Row, RowDrawing, SeatDrawing, SeatMap, Section,
    SectionDrawing, Shape, Size, StandingArea, Text,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Some text of few characters, among them those that formats set apart.
fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9/%,;\"'äß=.-]{1,5}"
}

fn coordinate() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        -1_000_000.0..1_000_000.0,
        (-400..4_000).prop_map(f64::from),
        (0..99).prop_map(|n| f64::from(n) / 10.0)
    ]
}

fn point() -> impl Strategy<Value = Point> {
    (coordinate(), coordinate()).prop_map(|(x, y)| Point { x, y })
}

fn boxed<T: Default + PartialEq>(value: T) -> Option<Box<T>> {
    (value != T::default()).then(|| Box::new(value))
}

fn area() -> impl Strategy<Value = Area> {
    let words = (point(), text(), option::of(8_i64..40)).prop_map(|(position, text, size)| Text {
        position,
        text,
        color: None,
        size,
    });
    (
        option::of(text()),
        option::of(coordinate()),
        option::of(point()),
        option::of(words),
        vec(point(), 0..4),
        1_i64..50,
    )
        .prop_map(|(color, rotation, position, text, points, radius)| Area {
            border_color: color.clone(),
            color,
            rotation,
            position,
            text,
            shape: Some(if points.is_empty() { Shape::Circle } else { Shape::Polygon }),
            circle: points.is_empty().then_some(Circle { radius }),
            polygon: (!points.is_empty()).then_some(Polygon { points }),
            ..Area::default()
        })
}

fn seat() -> impl Strategy<Value = MapSeat> {
    let drawing = (option::weighted(0.3, text()), option::weighted(0.3, text()), option::weighted(0.2, 5_i64..20))
        .prop_map(|(seat_guid, uuid, radius)| SeatDrawing {
            seat_guid,
            start_direction: uuid.as_ref().map(|_| "<>".into()),
            uuid,
            radius,
        });
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), option::weighted(0.2, text()));
    (text(), 0..3_usize, point(), flags, drawing).prop_map(
        |(label, tier, Point { x, y }, (aisle_after, accessible, companion, restricted_view), drawing)| MapSeat {
            label,
            tier: tier.to_string(),
            x,
            y,
            aisle_after,
            accessible,
            companion: companion && !accessible,
            restricted_view,
            drawing: boxed(drawing),
        },
    )
}

fn row() -> impl Strategy<Value = Row> {
    let ends = prop_oneof![Just(NumbersAt::Start), Just(NumbersAt::End), Just(NumbersAt::Both)];
    let drawing = (option::weighted(0.3, text()), option::weighted(0.3, text()), option::weighted(0.3, ends)).prop_map(
        |(row_label, seat_label, row_number_position)| RowDrawing {
            uuid: seat_label.clone(),
            row_label,
            seat_label,
            row_number_position,
        },
    );
    (text(), point(), any::<bool>(), vec(seat(), 0..5), drawing).prop_map(
        |(label, Point { x, y }, table, seats, drawing)| Row {
            // A table of nobody is not told by its seats.
            table: table && !seats.is_empty(),
            label,
            x,
            y,
            seats,
            drawing: boxed(drawing),
        },
    )
}

fn section() -> impl Strategy<Value = Section> {
    let drawing = (any::<bool>(), option::of(text()), vec(area(), 0..2))
        .prop_map(|(unnamed, zone_id, areas)| SectionDrawing { unnamed, uuid: zone_id.clone(), zone_id, areas });
    (text(), point(), vec(row(), 0..4), drawing).prop_map(|(name, Point { x, y }, rows, drawing)| Section {
        name,
        x,
        y,
        rows,
        drawing: boxed(drawing),
    })
}

/// Any map of three tiers. Names differ where they must; seats may lack what makes their flags sound.
pub fn any_map() -> impl Strategy<Value = SeatMap> {
    let tier = (text(), 0..10_000_i64, 0..500_i64, option::of(text()));
    let standing = (text(), 0..3_usize, 1..500_u32);
    (text(), vec(tier, 3), vec(section(), 0..4), vec(standing, 0..3), option::of((3_000_000..4_000_000_i64, 1_i64..9)))
        .prop_map(|(name, tiers, sections, standing, size)| {
            let tiers = tiers.into_iter().enumerate().map(|(nth, (name, price_minor, fee_minor, color))| MapTier {
                id: nth.to_string(),
                name,
                price_minor,
                fee_minor,
                color,
            });
            let standing = standing.into_iter().enumerate().map(|(nth, (name, tier, capacity))| StandingArea {
                name: format!("{name} standing {nth}"),
                tier: tier.to_string(),
                capacity,
            });
            let mut map = SeatMap {
                format: FORMAT.to_owned(),
                name,
                size: size.map(|(width, height)| Size { width, height }),
                stage: None,
                tiers: tiers.collect(),
                sections,
                standing: standing.collect(),
            };
            tell_apart(&mut map);
            map
        })
}

fn tell_apart(map: &mut SeatMap) {
    let mut count = 0;
    for (nth, section) in map.sections.iter_mut().enumerate() {
        let drawing = section.drawing.as_mut();
        section.name = match drawing.filter(|drawing| drawing.unnamed) {
            Some(drawing) => {
                if let Some(id) = &mut drawing.zone_id {
                    *id = format!("{id}{nth}");
                }
                drawing.zone_id.clone().unwrap_or_else(|| format!("Zone {}", nth + 1))
            }
            None => format!("{} {nth}", section.name),
        };
        for (nth, row) in section.rows.iter_mut().enumerate() {
            row.label = format!("{}{nth}", row.label);
            for (nth, seat) in row.seats.iter_mut().enumerate() {
                seat.label = format!("{}.{nth}", seat.label);
                count += 1;
                if let Some(guid) = seat.drawing.as_mut().and_then(|drawing| drawing.seat_guid.as_mut()) {
                    *guid = format!("{guid}-{count}");
                }
            }
        }
    }
}

/// An arena of twenty sections, fifty rows each, with as many seats in a row as make up the whole; with aisles, accessible and
/// companions' seats, pillars and a table.
pub fn arena(seats: usize) -> SeatMap {
    let width = seats / 1_000;
    let seat = |tier: usize, row: usize, nth: usize| MapSeat {
        label: (nth + 1).to_string(),
        tier: ["gold", "silver", "bronze"][tier].into(),
        x: 12.5 * nth as f64,
        aisle_after: nth == width / 2,
        accessible: row == 0 && nth == 0,
        companion: row == 0 && nth == 1,
        restricted_view: (row == 49 && nth + 1 == width).then(|| "a pillar".into()),
        ..MapSeat::default()
    };
    let row = |tier: usize, row: usize| Row {
        label: (row + 1).to_string(),
        y: 14.0 * row as f64,
        seats: (0..width).map(|nth| seat(tier, row, nth)).collect(),
        ..Row::default()
    };
    let section = |nth: usize| Section {
        name: format!("Block {nth}"),
        x: 2_000.0 * (nth % 5) as f64 + 10.0,
        y: 1_000.0 * (nth / 5) as f64 + 10.0,
        rows: (0..50).map(|at| row(nth / 7, at)).collect(),
        ..Section::default()
    };
    let tier =
        |id: &str, price_minor| MapTier { id: id.into(), name: id.to_uppercase(), price_minor, ..MapTier::default() };
    let mut map = SeatMap {
        format: FORMAT.into(),
        name: "Arena".into(),
        tiers: vec![tier("gold", 9_000), tier("silver", 6_000), tier("bronze", 3_000)],
        sections: (0..20).map(section).collect(),
        ..SeatMap::default()
    };
    let table = &mut map.sections[0].rows[49];
    table.table = true;
    table.seats.iter_mut().for_each(|seat| seat.aisle_after = false);
    map
}
