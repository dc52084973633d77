//! The seat map's format, `usher-seat-map/1`: sections, rows and seats in the promoter's order of quality, standing areas,
//! tiers with prices. What it means is told in `docs/SEAT_MAPS.md`.

mod drawing;
mod faults;
mod schema;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::drawing::{
    Area, Circle, Ellipse, NumbersAt, Point, Polygon, Rectangle, RowDrawing, SeatDrawing, SectionDrawing, Shape, Size,
    Text,
};
pub use self::faults::FAULTS_MAX;
pub use self::schema::json_schema;

/// The value of `format`.
pub const FORMAT: &str = "usher-seat-map/1";
/// Sellable units in one map, at most.
pub const UNITS_MAX: u32 = 200_000;
/// Tiers in one map, at most.
pub const TIERS_MAX: usize = 32;
/// Sections and standing areas in one map, and rows in one section, at most.
pub const PARTS_MAX: usize = 10_000;
/// How far from 0 a coordinate may be, in the map's own units.
pub const COORDINATE_MAX: f64 = 1_000_000.0;

/// `PUT /v1/events/{event}/seat-map`. Order is quality: what stands first is offered first, unless the map says where the stage is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatMap {
    /// [`FORMAT`].
    pub format: String,
    /// The hall's name.
    pub name: String,
    /// How large a drawing of it is, in the map's own units; by default as large as the seats need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Where the stage is. If it is said, seats are offered by their distance from it and their angle to it, and not in the map's
    /// order; every seat must be placed then. Standing areas come after all seats, in the map's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Price tiers; seats and areas name them by id. 1 to 32.
    pub tiers: Vec<MapTier>,
    /// Seated blocks. Sections and standing areas together: at most 10,000.
    #[serde(default)]
    pub sections: Vec<Section>,
    /// Standing areas.
    #[serde(default)]
    pub standing: Vec<StandingArea>,
}

/// Where the stage is, in the map's coordinates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    /// The middle of its edge.
    pub x: f64,
    /// The middle of its edge.
    pub y: f64,
    /// Some point straight ahead of it; without one it has no front, and only the distance counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faces: Option<Point>,
}

/// A price tier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MapTier {
    /// Short and unique, for example `gold`.
    pub id: String,
    /// What fans read.
    pub name: String,
    /// Price of one ticket in minor units, fee not included; not negative.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub price_minor: i64,
    /// Fee per ticket in minor units; not negative. Price and fee together: at most 100,000,000.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub fee_minor: i64,
    /// The colour of its seats in drawings, as CSS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
}

/// A seated block.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Unique among sections and areas.
    pub name: String,
    /// Where its own coordinates begin, in the map's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub x: f64,
    /// Where its own coordinates begin, in the map's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub y: f64,
    /// Rows, best first; at most 10,000.
    pub rows: Vec<Row>,
    /// What only drawings need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawing: Option<Box<SectionDrawing>>,
}

/// A row of seats, neighbours side by side; or a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What stands on the row's end. Rows of one section with the same label are pieces of one row, parted from each other.
    pub label: String,
    /// Where its own coordinates begin, in the section's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub x: f64,
    /// Where its own coordinates begin, in the section's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub y: f64,
    /// A table: its seats are told one after the other around it, and each is the neighbour of the next. The last is beside the
    /// first, too, but nobody is seated across that joint. Its seats are sold one by one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
    /// Seats from one end to the other.
    pub seats: Vec<MapSeat>,
    /// What only drawings need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawing: Option<Box<RowDrawing>>,
}

/// A seat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MapSeat {
    /// Unique in its row, all pieces of it.
    pub label: String,
    /// Its tier's id.
    pub tier: String,
    /// Centre, in its row's coordinates: at most 1,000,000 from 0. A seat whose centre is 0, 0 in the map's was not placed.
    #[serde(default)]
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub x: f64,
    /// Centre, in its row's coordinates: at most 1,000,000 from 0.
    #[serde(default)]
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    pub y: f64,
    /// Whether an aisle parts it from the next seat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aisle_after: bool,
    /// A wheelchair place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accessible: bool,
    /// Meant for who comes with the fan on an accessible seat of the same section.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub companion: bool,
    /// What is in the way of the view, for fans to read with the seat's name, before they pay: 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restricted_view: Option<String>,
    /// What only drawings need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drawing: Option<Box<SeatDrawing>>,
}

/// A standing area.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandingArea {
    /// Unique among sections and areas.
    pub name: String,
    /// Its tier's id.
    pub tier: String,
    /// How many people.
    #[schema(minimum = 1, maximum = 200_000)]
    pub capacity: u32,
}

impl SeatMap {
    /// Sellable units: seats and standing places.
    #[must_use]
    pub fn units(&self) -> u64 {
        let seats: usize = self.sections.iter().flat_map(|s| &s.rows).map(|r| r.seats.len()).sum();
        seats as u64 + self.standing.iter().map(|a| u64::from(a.capacity)).sum::<u64>()
    }

    /// Every seat with its section and row, in the map's order.
    pub fn seats(&self) -> impl Iterator<Item = (&Section, &Row, &MapSeat)> {
        let rows = self.sections.iter().flat_map(|section| section.rows.iter().map(move |row| (section, row)));
        rows.flat_map(|(section, row)| row.seats.iter().map(move |seat| (section, row, seat)))
    }
}

impl MapSeat {
    /// Its centre in the map's coordinates.
    #[must_use]
    pub fn centre(&self, section: &Section, row: &Row) -> Point {
        Point { x: section.x + row.x + self.x, y: section.y + row.y + self.y }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_golden_example_decodes_for_ever_and_comes_back() {
        let text = include_str!("../examples/seat-map.json");
        let map: SeatMap = serde_json::from_str(text).unwrap();
        assert_eq!((map.units(), map.faults()), (305, Vec::new()));
        let (said, again): (serde_json::Value, _) =
            (serde_json::from_str(text).unwrap(), serde_json::to_value(&map).unwrap());
        assert_eq!(again, said);
    }
}
