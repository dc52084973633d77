//! What a plan says comes back without a difference, and so does a map with its side file.

use std::time::Instant;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::any_map::{any_map, arena};

/// As it travels.
fn sent<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
    serde_json::from_slice(&serde_json::to_vec(value).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_map_comes_back_from_its_plan_and_side_file(map in any_map()) {
        prop_assert_eq!(&sent(&map), &map);
        let (plan, side) = (sent(&export(&map)), sent(&Side::of(&map)));
        let back = import(plan.clone(), Some(&side), None).unwrap();
        prop_assert_eq!(&back, &map);
        prop_assert_eq!(back.faults(), map.faults());
        // And by the map that is known.
        prop_assert_eq!(&import(plan.clone(), None, Some(&map)).unwrap(), &map);
        prop_assert_eq!(export(&back), plan);
    }
}

fn plan(zones: &Value) -> Plan {
    let plan = json!({
        "name": "Club", "size": {"width": 800, "height": 600}, "zones": zones,
        "categories": [{"name": "Stalls", "color": "#33c"}, {"name": "Circle"}]
    });
    serde_json::from_value(plan).unwrap()
}

fn zones() -> Value {
    let seat = |number: &str, x: f64| {
        json!({"seat_guid": format!("g{number}"), "seat_number": number, "category": "Stalls",
        "uuid": "4b3a", "radius": 12, "start_direction": "<>", "position": {"x": x, "y": 0}})
    };
    json!([
        {"zone_id": "floor", "position": {"x": 5.5, "y": 0}, "rows": [
            {"row_number": "1", "row_label": "Row 1", "seat_label": null, "row_number_position": "both", "uuid": "7",
             "position": {"x": 0, "y": 40}, "seats": [seat("1", 0.1), seat("2", 20.3)]},
            {"row_number": "1", "seats": [seat("3", 60.7)]}],
         "areas": [{"shape": "polygon", "color": "grey", "border_color": "black", "rotation": 45.5, "position": {"x": 1, "y": 2},
                    "polygon": {"points": [{"x": 0, "y": 0}, {"x": 9, "y": 0.5}]},
                    "text": {"text": "Stage", "size": 20, "color": "#fff", "position": {"x": 3, "y": 3}}},
                   {"shape": "rectangle", "rectangle": {"width": 3, "height": 4}}, {"shape": "ellipse", "ellipse": {"radius": {"x": 1, "y": 2}}},
                   {"shape": "circle", "circle": {"radius": 7}}]},
        {"name": "Balcony", "position": {"x": 0, "y": 0}, "rows": [], "areas": []}
    ])
}

fn prices() -> Side {
    let tier = |id: &str| MapTier { id: id.into(), name: id.into(), price_minor: 100, ..MapTier::default() };
    Side { format: side::FORMAT.into(), tiers: vec![tier("Circle"), tier("Stalls")], ..Side::default() }
}

#[test]
fn all_that_a_plan_says_comes_back() {
    let plan = plan(&zones());
    let map = import(plan.clone(), Some(&prices()), None).unwrap();
    assert_eq!(map.faults(), [""; 0]);
    assert_eq!(export(&sent(&map)), plan);
    assert_eq!(map.sections[0].name, "floor");
    assert_eq!(map.tiers.iter().map(|tier| &*tier.id).collect::<Vec<_>>(), ["Stalls", "Circle"]);
    assert_eq!(map.tiers[0].color.as_deref(), Some("#33c"));
}

#[test]
fn unknown_properties_are_refused_at_every_level() {
    let good = serde_json::to_value(plan(&zones())).unwrap();
    assert!(serde_json::from_value::<Plan>(good.clone()).is_ok());
    for at in [
        "",
        "/size",
        "/categories/0",
        "/zones/0",
        "/zones/0/position",
        "/zones/0/rows/0",
        "/zones/0/rows/0/seats/0",
        "/zones/0/areas/0",
    ] {
        let mut bad = good.clone();
        bad.pointer_mut(at).unwrap().as_object_mut().unwrap().insert("accessible".into(), true.into());
        let fault = serde_json::from_value::<Plan>(bad).unwrap_err().to_string();
        assert!(fault.contains("unknown field `accessible`"), "{at}: {fault}");
    }
}

#[test]
fn no_price_is_made_up_and_a_side_file_of_another_plan_is_refused() {
    let faults = import(plan(&zones()), None, None).unwrap_err();
    assert!(faults.len() == 2 && faults[0].contains(r#"category "Stalls""#), "{faults:?}");
    let mut side = prices();
    side.format = "x".into();
    side.seats.insert("nobody".into(), side::SeatSide { accessible: true, ..side::SeatSide::default() });
    let faults = import(plan(&zones()), Some(&side), None).unwrap_err();
    assert!(faults.len() == 2 && faults[0].contains("format") && faults[1].contains(r#""nobody""#), "{faults:?}");
}

/// Import, edit, export to pretix's format and back, with 60,000 seats: no difference in what that format can say, nor, with the
/// side file, in anything else.
#[test]
fn sixty_thousand_seats_go_there_and_back() {
    let begun = Instant::now();
    let mut map = sent(&arena(60_000));
    assert_eq!((map.units(), map.faults()), (60_000, Vec::new()));
    map.name = "The arena, rebuilt".into();
    map.tiers[1].price_minor += 500;
    map.sections[3].name = "Block 3/4".into();
    map.sections[7].rows.remove(20);
    map.sections[8].rows[0].seats[5].restricted_view = Some("a camera".into());
    map.sections[9].x += 0.25;
    assert_eq!(map.faults(), [""; 0]);
    let (plan, side) = (export(&map), Side::of(&map));
    let back = import(sent(&plan), Some(&sent(&side)), None).unwrap();
    assert!(export(&back) == plan, "the plans differ");
    assert!(back == map, "the maps differ");
    eprintln!("{} seats there and back in {:?}", map.units(), begun.elapsed());
}
