//! The seat map's format, `usher-seat-map/1`: sections, rows and seats in the promoter's order of quality, standing areas,
//! tiers with prices.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The value of `format`.
pub const FORMAT: &str = "usher-seat-map/1";
/// Sellable units in one map, at most.
pub const UNITS_MAX: u32 = 200_000;
/// Tiers in one map, at most.
pub const TIERS_MAX: usize = 32;

/// `PUT /v1/events/{event}/seat-map`. Order is quality: what stands first is offered first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SeatMap {
    /// [`FORMAT`].
    pub format: String,
    /// The hall's name.
    pub name: String,
    /// Price tiers; seats and areas name them by id.
    pub tiers: Vec<MapTier>,
    /// Seated blocks.
    #[serde(default)]
    pub sections: Vec<Section>,
    /// Standing areas.
    #[serde(default)]
    pub standing: Vec<StandingArea>,
}

/// A price tier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MapTier {
    /// Short and unique, for example `gold`.
    pub id: String,
    /// What fans read.
    pub name: String,
    /// Price of one ticket in minor units, fee not included; not negative.
    pub price_minor: i64,
    /// Fee per ticket in minor units; not negative.
    #[serde(default)]
    pub fee_minor: i64,
}

/// A seated block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Unique among sections and areas.
    pub name: String,
    /// Rows, best first.
    pub rows: Vec<Row>,
}

/// A row of seats, neighbours side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Unique in its section.
    pub label: String,
    /// Seats from one end to the other.
    pub seats: Vec<MapSeat>,
}

/// A seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MapSeat {
    /// Unique in its row.
    pub label: String,
    /// Its tier's id.
    pub tier: String,
    /// Centre, in the map's own units.
    #[serde(default)]
    pub x: f32,
    /// Centre, in the map's own units.
    #[serde(default)]
    pub y: f32,
    /// Whether an aisle parts it from the next seat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub aisle_after: bool,
    /// A wheelchair place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accessible: bool,
}

/// A standing area.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StandingArea {
    /// Unique among sections and areas.
    pub name: String,
    /// Its tier's id.
    pub tier: String,
    /// How many people.
    pub capacity: u32,
}

impl SeatMap {
    /// Sellable units: seats and standing places.
    #[must_use]
    pub fn units(&self) -> u64 {
        let seats: usize = self.sections.iter().flat_map(|s| &s.rows).map(|r| r.seats.len()).sum();
        seats as u64 + self.standing.iter().map(|a| u64::from(a.capacity)).sum::<u64>()
    }

    /// Every fault, each with its section, row and seat; at most the first hundred. Empty when the map is sound.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.format != FORMAT {
            faults.push(format!("format: expected {FORMAT:?}, got {:?}", self.format));
        }
        if self.tiers.is_empty() || self.tiers.len() > TIERS_MAX {
            faults.push(format!("tiers: 1 to {TIERS_MAX} are needed, got {}", self.tiers.len()));
        }
        let mut tiers = HashSet::new();
        for tier in &self.tiers {
            if !name_fits(&tier.id) || !tiers.insert(tier.id.as_str()) {
                faults.push(format!("tier {:?}: its id must be unique and 1 to 100 characters", tier.id));
            }
            if tier.price_minor < 0 || tier.fee_minor < 0 || tier.price_minor + tier.fee_minor > 100_000_000 {
                faults.push(format!("tier {:?}: price and fee must be 0 to 100,000,000 minor units", tier.id));
            }
        }
        let units = self.units();
        if units == 0 || units > u64::from(UNITS_MAX) {
            faults.push(format!("map: 1 to {UNITS_MAX} seats and standing places are needed, got {units}"));
        }
        let mut names = HashSet::new();
        for section in &self.sections {
            if !name_fits(&section.name) || !names.insert(section.name.as_str()) {
                faults.push(format!("section {:?}: its name must be unique and 1 to 100 characters", section.name));
            }
            let mut rows = HashSet::new();
            for row in &section.rows {
                if !name_fits(&row.label) || !rows.insert(row.label.as_str()) {
                    faults.push(format!(
                        "section {:?}, row {:?}: the label must be unique in the section",
                        section.name, row.label
                    ));
                }
                let mut seats = HashSet::new();
                for seat in &row.seats {
                    if !name_fits(&seat.label) || !seats.insert(seat.label.as_str()) {
                        faults.push(format!(
                            "section {:?}, row {:?}, seat {:?}: the label must be unique in the row",
                            section.name, row.label, seat.label
                        ));
                    }
                    if !tiers.contains(seat.tier.as_str()) {
                        faults.push(format!(
                            "section {:?}, row {:?}, seat {:?}: there is no tier {:?}",
                            section.name, row.label, seat.label, seat.tier
                        ));
                    }
                }
            }
        }
        for area in &self.standing {
            if !name_fits(&area.name) || !names.insert(area.name.as_str()) {
                faults.push(format!("standing area {:?}: its name must be unique and 1 to 100 characters", area.name));
            }
            if !tiers.contains(area.tier.as_str()) {
                faults.push(format!("standing area {:?}: there is no tier {:?}", area.name, area.tier));
            }
            if area.capacity == 0 {
                faults.push(format!("standing area {:?}: its capacity must be at least 1", area.name));
            }
        }
        faults.truncate(100);
        faults
    }
}

fn name_fits(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_section_row_and_seat() {
        let map: SeatMap = serde_json::from_value(serde_json::json!({
            "format": FORMAT, "name": "Hall",
            "tiers": [{"id": "gold", "name": "Gold", "price_minor": 9000}],
            "sections": [{"name": "A", "rows": [{"label": "1", "seats": [
                {"label": "1", "tier": "gold"}, {"label": "1", "tier": "gold"}, {"label": "3", "tier": "lead"}
            ]}]}]
        }))
        .unwrap();
        let faults = map.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains(r#"section "A", row "1", seat "1""#));
        assert!(faults[1].contains(r#"no tier "lead""#));
    }
}
