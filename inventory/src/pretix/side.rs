//! The side file: what a map says and a seating plan of pretix cannot, seat by seat under its `seat_guid`.

use std::collections::BTreeMap;

use contracts::seat_map::{MapSeat, MapTier, Row, SeatMap, Stage, StandingArea};
use serde::{Deserialize, Serialize};

use super::guid;

/// The value of `format`.
pub const FORMAT: &str = "usher-pretix-side/1";

/// Prices, standing areas, and what is special about seats.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// [`FORMAT`].
    pub format: String,
    /// The plan's categories by their names, with prices.
    pub tiers: Vec<MapTier>,
    #[serde(default)]
    pub standing: Vec<StandingArea>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Seats about which there is something to say.
    #[serde(default)]
    pub seats: BTreeMap<String, SeatSide>,
}

/// What is special about a seat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeatSide {
    /// It is at a table, and so is its whole row.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub table: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aisle_after: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accessible: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub companion: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restricted_view: Option<String>,
}

impl Side {
    /// Of a map. Colours are the plan's to say.
    pub fn of(map: &SeatMap) -> Self {
        let seats = map.seats().filter_map(|(section, row, seat)| {
            let side = SeatSide::of(row, seat);
            (side != SeatSide::default()).then(|| (guid(section, row, seat), side))
        });
        Self {
            format: FORMAT.to_owned(),
            tiers: map.tiers.iter().map(|tier| MapTier { color: None, ..tier.clone() }).collect(),
            standing: map.standing.clone(),
            stage: map.stage,
            seats: seats.collect(),
        }
    }
}

impl SeatSide {
    fn of(row: &Row, seat: &MapSeat) -> Self {
        Self {
            table: row.table,
            aisle_after: seat.aisle_after,
            accessible: seat.accessible,
            companion: seat.companion,
            restricted_view: seat.restricted_view.clone(),
        }
    }
}
