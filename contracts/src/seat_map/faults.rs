//! What is wrong with a seat map, each fault with its section, row and seat.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::{COORDINATE_MAX, FORMAT, MapSeat, PARTS_MAX, Row, SeatMap, Section, Stage, TIERS_MAX, UNITS_MAX};

/// Faults told, at most.
pub const FAULTS_MAX: usize = 100;
/// Centres nearer to each other than this are one place.
const GRAIN: f64 = 0.001;
/// A coordinate that is not 0 is no nearer to it than this: smaller ones say nothing and are long to write.
const COORDINATE_MIN: f64 = 0.000_001;
const TEXT_MAX: usize = 200;

/// The first faults, written down only as far as they are told.
#[derive(Default)]
struct Found {
    told: Vec<String>,
}

impl Found {
    fn is_full(&self) -> bool {
        self.told.len() >= FAULTS_MAX
    }

    fn unless(&mut self, sound: bool, fault: impl FnOnce() -> String) {
        if !sound && !self.is_full() {
            self.told.push(fault());
        }
    }
}

/// Where a seat is.
#[derive(Clone, Copy)]
struct At<'a>(&'a Section, &'a Row, &'a MapSeat);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "section {:?}, row {:?}, seat {:?}", self.0.name, self.1.label, self.2.label)
    }
}

impl SeatMap {
    /// Every fault, each with its section, row and seat; at most the first [`FAULTS_MAX`]. Empty when the map is sound.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let mut found = Found::default();
        let units = self.units();
        found.unless((1..=u64::from(UNITS_MAX)).contains(&units), || {
            format!("map: 1 to {UNITS_MAX} seats and standing places are needed, got {units}")
        });
        let parts = self.sections.len() + self.standing.len();
        found.unless(parts <= PARTS_MAX, || {
            format!("map: at most {PARTS_MAX} sections and standing areas are possible, got {parts}")
        });
        // One that is far too large is not looked through.
        if found.told.is_empty() {
            self.look_through(&mut found);
        }
        found.told
    }

    fn look_through(&self, found: &mut Found) {
        found.unless(self.format == FORMAT, || format!("format: expected {FORMAT:?}, got {:?}", self.format));
        found.unless(is_name(&self.name), || "name: must be 1 to 100 characters".to_owned());
        let tiers = self.tiers(found);
        if let Some(stage) = self.stage {
            stage.look_at(found);
        }
        let mut names = HashSet::new();
        // Where some seat is already, to a grain.
        let mut places: HashMap<(i64, i64), At<'_>> = HashMap::new();
        let mut guids: HashMap<&str, At<'_>> = HashMap::new();
        for section in &self.sections {
            found.unless(is_name(&section.name) && names.insert(section.name.as_str()), || {
                format!("section {:?}: its name must be unique and 1 to 100 characters", section.name)
            });
            found.unless(section.rows.len() <= PARTS_MAX, || {
                format!("section {:?}: at most {PARTS_MAX} rows are possible", section.name)
            });
            found.unless(is_coordinate(section.x) && is_coordinate(section.y), || {
                format!("section {:?}: {OUTSIDE}", section.name)
            });
            let has_accessible = section.rows.iter().flat_map(|row| &row.seats).any(|seat| seat.accessible);
            let mut labels = HashSet::new();
            for row in &section.rows {
                found.unless(is_name(&row.label), || {
                    format!("section {:?}, row {:?}: the label must be 1 to 100 characters", section.name, row.label)
                });
                found.unless(is_coordinate(row.x) && is_coordinate(row.y), || {
                    format!("section {:?}, row {:?}: {OUTSIDE}", section.name, row.label)
                });
                for seat in &row.seats {
                    let at = At(section, row, seat);
                    found.unless(is_name(&seat.label) && labels.insert((&*row.label, &*seat.label)), || {
                        format!("{at}: the label must be unique in the row and 1 to 100 characters")
                    });
                    found.unless(tiers.contains(seat.tier.as_str()), || {
                        format!("{at}: there is no tier {:?}", seat.tier)
                    });
                    look_at(at, has_accessible, found);
                    let place = place_of(at);
                    found.unless(self.stage.is_none() || place.is_some(), || {
                        format!("{at}: it is nowhere; place every seat, or leave out the stage")
                    });
                    if let Some(other) = place.and_then(|place| places.insert(place, at)) {
                        found.unless(false, || format!("{at}: it is drawn where {other} is"));
                    }
                    let guid = seat.drawing.as_ref().and_then(|drawing| drawing.seat_guid.as_deref());
                    if let Some(other) = guid.and_then(|guid| guids.insert(guid, at)) {
                        found.unless(false, || format!("{at}: it has the seat_guid of {other}"));
                    }
                    if found.is_full() {
                        return;
                    }
                }
            }
        }
        for area in &self.standing {
            found.unless(is_name(&area.name) && names.insert(area.name.as_str()), || {
                format!("standing area {:?}: its name must be unique and 1 to 100 characters", area.name)
            });
            found.unless(tiers.contains(area.tier.as_str()), || {
                format!("standing area {:?}: there is no tier {:?}", area.name, area.tier)
            });
            found.unless(area.capacity > 0, || {
                format!("standing area {:?}: its capacity must be at least 1", area.name)
            });
        }
        found.unless(!self.has_nul(), || "map: the character U+0000 cannot be stored".to_owned());
    }

    fn tiers(&self, found: &mut Found) -> HashSet<&str> {
        found.unless((1..=TIERS_MAX).contains(&self.tiers.len()), || {
            format!("tiers: 1 to {TIERS_MAX} are needed, got {}", self.tiers.len())
        });
        let mut tiers = HashSet::new();
        for tier in &self.tiers {
            found.unless(is_name(&tier.id) && tiers.insert(tier.id.as_str()), || {
                format!("tier {:?}: its id must be unique and 1 to 100 characters", tier.id)
            });
            found.unless(is_name(&tier.name), || format!("tier {:?}: its name must be 1 to 100 characters", tier.id));
            let whole = tier.price_minor.saturating_add(tier.fee_minor);
            found.unless(tier.price_minor >= 0 && tier.fee_minor >= 0 && whole <= 100_000_000, || {
                format!("tier {:?}: price and fee must be 0 to 100,000,000 minor units", tier.id)
            });
        }
        tiers
    }

    /// Whether a text that is for drawings only has the one character that Postgres cannot keep. All other texts are names.
    fn has_nul(&self) -> bool {
        let nul = |text: &Option<String>| text.as_ref().is_some_and(|text| text.contains('\0'));
        self.tiers.iter().any(|tier| nul(&tier.color))
            || self.sections.iter().filter_map(|section| section.drawing.as_ref()).any(|drawing| {
                let areas = &mut drawing.areas.iter();
                nul(&drawing.zone_id)
                    || nul(&drawing.uuid)
                    || areas.any(|area| {
                        let text = area.text.as_ref();
                        nul(&area.color)
                            || nul(&area.border_color)
                            || nul(&area.uuid)
                            || text.is_some_and(|text| text.text.contains('\0') || nul(&text.color))
                    })
            })
            || self
                .sections
                .iter()
                .flat_map(|section| &section.rows)
                .filter_map(|row| row.drawing.as_ref())
                .any(|drawing| nul(&drawing.row_label) || nul(&drawing.seat_label) || nul(&drawing.uuid))
            || self
                .seats()
                .filter_map(|(.., seat)| seat.drawing.as_ref())
                .any(|drawing| nul(&drawing.seat_guid) || nul(&drawing.uuid) || nul(&drawing.start_direction))
    }
}

impl Stage {
    fn look_at(self, found: &mut Found) {
        let sound = |x, y| is_coordinate(x) && is_coordinate(y);
        let faces_sound = self.faces.is_none_or(|point| sound(point.x, point.y));
        found.unless(sound(self.x, self.y) && faces_sound, || format!("stage: {OUTSIDE}"));
        found.unless(self.faces.is_none_or(|point| (point.x, point.y) != (self.x, self.y)), || {
            "stage: faces: must be another point than the stage's own; leave it out for a stage without a front"
                .to_owned()
        });
    }
}

const OUTSIDE: &str = "coordinates must be 0, or 0.000001 to 1,000,000 away from it";

/// What can be wrong with a seat by itself.
fn look_at(at: At<'_>, has_accessible: bool, found: &mut Found) {
    let At(_, row, seat) = at;
    found.unless(is_coordinate(seat.x) && is_coordinate(seat.y), || format!("{at}: {OUTSIDE}"));
    found.unless(!(row.table && seat.aisle_after), || format!("{at}: there is no aisle at a table"));
    found.unless(!(seat.companion && seat.accessible), || format!("{at}: it is either accessible or a companion's"));
    found.unless(!seat.companion || has_accessible, || {
        format!("{at}: it is a companion's, but the section has no accessible seat")
    });
    let told = seat.restricted_view.as_ref().is_none_or(|text| is_text(text, TEXT_MAX));
    found.unless(told, || format!("{at}: restricted_view must be 1 to {TEXT_MAX} characters"));
}

/// The grain in which a seat's centre is; none for one that was not placed.
fn place_of(At(section, row, seat): At<'_>) -> Option<(i64, i64)> {
    let centre = seat.centre(section, row);
    let grain = |value: f64| (value / GRAIN).round() as i64;
    let place = (grain(centre.x), grain(centre.y));
    (place != (0, 0)).then_some(place)
}

fn is_coordinate(value: f64) -> bool {
    value == 0.0 || (COORDINATE_MIN..=COORDINATE_MAX).contains(&value.abs())
}

fn is_name(name: &str) -> bool {
    is_text(name, 100)
}

fn is_text(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= most && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults(rows: &Value) -> Vec<String> {
        let map: SeatMap = serde_json::from_value(json!({
            "format": FORMAT, "name": "Hall",
            "tiers": [{"id": "gold", "name": "Gold", "price_minor": 9000}],
            "sections": [{"name": "A", "rows": rows}]
        }))
        .unwrap();
        map.faults()
    }

    #[test]
    fn faults_name_section_row_and_seat() {
        let faults = faults(&json!([{"label": "1", "seats": [
            {"label": "1", "tier": "gold"}, {"label": "1", "tier": "gold"}, {"label": "3", "tier": "lead"}
        ]}]));
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains(r#"section "A", row "1", seat "1""#));
        assert!(faults[1].contains(r#"no tier "lead""#));
    }

    #[test]
    fn pieces_of_a_row_have_seats_of_their_own() {
        let piece = |seat: &str| json!({"label": "1", "seats": [{"label": seat, "tier": "gold"}]});
        assert_eq!(faults(&json!([piece("1"), piece("2")])), [""; 0]);
        assert_eq!(faults(&json!([piece("1"), piece("1")])).len(), 1);
    }

    #[test]
    fn no_two_seats_are_drawn_in_one_place() {
        let row = |label: &str, x: f64, seats: &[f64]| {
            let seats: Vec<_> = seats
                .iter()
                .enumerate()
                .map(|(nth, x)| json!({"label": nth.to_string(), "tier": "gold", "x": x}))
                .collect();
            json!({"label": label, "x": x, "y": 7.0, "seats": seats})
        };
        assert_eq!(faults(&json!([row("1", 0.0, &[0.0, 1.0]), row("2", 2.0, &[0.0, 1.0])])), [""; 0]);
        let found = faults(&json!([row("1", 0.0, &[0.0, 1.0]), row("2", 1.0, &[0.0, 1.0])]));
        assert_eq!(found, [r#"section "A", row "2", seat "0": it is drawn where section "A", row "1", seat "1" is"#]);
        // Those that were not placed are nowhere.
        let seats: Vec<_> = (0..3).map(|nth| json!({"label": nth.to_string(), "tier": "gold"})).collect();
        assert_eq!(faults(&json!([{"label": "1", "seats": seats}])), [""; 0]);
    }

    #[test]
    fn a_stage_needs_placed_seats_and_somewhere_to_face() {
        let with = |stage: Value, x: f64| {
            let map: SeatMap = serde_json::from_value(json!({
                "format": FORMAT, "name": "Hall", "stage": stage,
                "tiers": [{"id": "gold", "name": "Gold", "price_minor": 9000}],
                "sections": [{"name": "A", "rows": [{"label": "1", "seats": [{"label": "1", "tier": "gold", "x": x}]}]}]
            }))
            .unwrap();
            map.faults()
        };
        let stage = json!({"x": 1_000_000, "y": 0, "faces": {"x": 5, "y": 0}});
        assert_eq!(with(stage.clone(), 1.0), [""; 0]);
        assert_eq!(with(json!({"x": 5, "y": 0}), 1.0), [""; 0]);
        for (stage, x, told) in [
            (stage, 0.0, r#"section "A", row "1", seat "1": it is nowhere"#),
            (json!({"x": 1e7, "y": 0}), 1.0, "stage: coordinates"),
            (json!({"x": 5, "y": 0, "faces": {"x": 5, "y": 1e9}}), 1.0, "stage: coordinates"),
            (json!({"x": 5, "y": 0, "faces": {"x": 5, "y": 0}}), 1.0, "stage: faces"),
        ] {
            let found = with(stage, x);
            assert!(found.len() == 1 && found[0].starts_with(told), "{told}: {found:?}");
        }
    }

    #[test]
    fn each_flag_has_its_place() {
        let one = |more: Value| {
            let mut seat = json!({"label": "1", "tier": "gold"});
            seat.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            faults(&json!([{"label": "T", "table": true, "seats": [seat, {"label": "2", "tier": "gold"}]}]))
        };
        assert_eq!(one(json!({"accessible": true, "restricted_view": "a pillar"})), [""; 0]);
        for (more, told) in [
            (json!({"aisle_after": true}), "no aisle at a table"),
            (json!({"companion": true}), "has no accessible seat"),
            (json!({"companion": true, "accessible": true}), "either accessible"),
            (json!({"restricted_view": " "}), "restricted_view"),
            (json!({"x": 1e7}), "coordinates"),
            (json!({"y": 1e-9}), "coordinates"),
            (json!({"drawing": {"uuid": "\u{0}"}}), "U+0000"),
            (json!({"label": "1\n"}), "1 to 100 characters"),
        ] {
            let found = one(more);
            assert!(found.len() == 1 && found[0].contains(told), "{told}: {found:?}");
        }
        let with = |x| MapSeat { label: "1".into(), tier: "gold".into(), x, ..MapSeat::default() };
        assert!(![f64::NAN, f64::INFINITY].into_iter().any(|x| is_coordinate(with(x).x)));
    }

    #[test]
    fn a_map_far_too_large_has_one_fault_and_one_full_of_faults_has_a_hundred() {
        let many = |count: usize, tier: &str| {
            let seat = MapSeat { label: "1".into(), tier: tier.into(), ..MapSeat::default() };
            let row = Row { label: "1".into(), seats: vec![seat; count], ..Row::default() };
            let map: SeatMap = serde_json::from_value(json!({"format": FORMAT, "name": "Hall", "tiers": []})).unwrap();
            SeatMap { sections: vec![Section { name: "A".into(), rows: vec![row], ..Section::default() }], ..map }
        };
        let faults = many(1_000_000, "gold").faults();
        assert_eq!(faults, ["map: 1 to 200000 seats and standing places are needed, got 1000000"]);
        assert_eq!(many(1_000, "lead").faults().len(), FAULTS_MAX);
    }
}
