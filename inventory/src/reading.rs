//! From bytes in one of the formats to a map, and back; what cannot be read is answered with a problem of its own.

use contracts::problem::Problem;
use contracts::seat_map::SeatMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::pretix::{self, Plan, Side};
use crate::sheet;

/// Lists within lists within fields, at most. A seating plan of pretix nests nine deep.
const DEPTH_MAX: usize = 32;

/// How a map is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = SeatMapFormat)]
pub enum Format {
    /// `usher-seat-map/1`, JSON.
    #[default]
    Usher,
    /// A seating plan of pretix, JSON.
    Pretix,
    /// What the seating plan cannot say, JSON.
    PretixSide,
    /// A sheet, CSV.
    Csv,
}

/// A seating plan with its side file, as one body. Other fields are for the plan's own reading to refuse.
#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow, default)]
    plan: Option<&'a RawValue>,
    #[serde(borrow, default)]
    side: Option<&'a RawValue>,
}

/// Reads a sound map. What the format cannot say is taken from the map that is `known`.
///
/// # Errors
/// A problem that says what cannot be read and where, or what is wrong with the map.
pub fn read(format: Format, bytes: &[u8], known: Option<&SeatMap>) -> Result<SeatMap, Problem> {
    let map = match format {
        Format::Usher => json(bytes)?,
        Format::Pretix => {
            let pair: Option<Pair<'_>> = serde_json::from_slice(bytes).ok();
            let (plan, side) = pair.map_or((None, None), |pair| (pair.plan, pair.side));
            let plan: Plan = json(plan.map_or(bytes, |plan| plan.get().as_bytes()))?;
            let side: Option<Side> = side.map(|side| json(side.get().as_bytes())).transpose()?;
            pretix::import(plan, side.as_ref(), known).map_err(faulty)?
        }
        Format::PretixSide => {
            return Err(Problem::invalid(
                "a side file comes with its plan: send {\"plan\": …, \"side\": …} as format=pretix",
            ));
        }
        Format::Csv => sheet::import(bytes, known).map_err(faulty)?,
    };
    let faults = map.faults();
    if faults.is_empty() { Ok(map) } else { Err(faulty(faults)) }
}

/// Writes a map: its media type, and the bytes.
///
/// # Errors
/// Never in practice: what was read can be written.
pub fn write(format: Format, map: &SeatMap) -> anyhow::Result<(&'static str, Vec<u8>)> {
    const JSON: &str = "application/json";
    Ok(match format {
        Format::Usher => (JSON, serde_json::to_vec(map)?),
        Format::Pretix => (JSON, serde_json::to_vec(&pretix::export(map))?),
        Format::PretixSide => (JSON, serde_json::to_vec(&Side::of(map))?),
        Format::Csv => ("text/csv; charset=utf-8", sheet::export(map)?),
    })
}

fn faulty(faults: Vec<String>) -> Problem {
    Problem::new(
        422,
        "seat-map-faults",
        "The seat map has faults",
        format!("{} found; mend them and send it again; the map in force was kept", faults.len()),
    )
    .with_faults(faults)
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|fault| {
        if depth(bytes) > DEPTH_MAX {
            return Problem::new(
                422,
                "seat-map-too-deep",
                "The document is nested too deeply",
                format!("no seat map needs more than {DEPTH_MAX} lists and objects within each other"),
            );
        }
        match fault.classify() {
            serde_json::error::Category::Data => Problem::invalid(fault.to_string()),
            _ => Problem::new(400, "malformed-json", "The body is not JSON", fault.to_string()),
        }
    })
}

/// How deep brackets stand within brackets, as far as the bytes look like JSON.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use contracts::seat_map::FORMAT;
    use serde_json::json;

    use super::*;
    use crate::any_map::arena;

    fn refused(format: Format, body: &str) -> (u16, String, String) {
        let problem = read(format, body.as_bytes(), None).unwrap_err();
        (problem.status, problem.code, problem.detail + &problem.faults.join("; "))
    }

    #[test]
    fn each_kind_of_bad_input_has_its_own_answer() {
        let map = |rest: &str| {
            format!(
                r#"{{"format":"{FORMAT}","name":"H","tiers":[{{"id":"a","name":"A","price_minor":1}}],"sections":[{{"name":"S","rows":[{{"label":"1","seats":[{rest}]}}]}}]}}"#
            )
        };
        let seat = |label: usize, tier: &str, x: usize| format!(r#"{{"label":"{label}","tier":"{tier}","x":{x}}}"#);
        assert!(read(Format::Usher, map(&seat(1, "a", 1)).as_bytes(), None).is_ok());
        let million = vec![r#"{"label":"1","tier":"a"}"#; 1_000_000].join(",");
        for (body, status, code, told) in [
            (map(&[seat(1, "a", 1), seat(1, "a", 2)].join(",")), 422, "seat-map-faults", "unique in the row"),
            (map(&seat(1, "b", 1)), 422, "seat-map-faults", r#"row "1", seat "1": there is no tier "b""#),
            (map(&[seat(1, "a", 1), seat(2, "a", 1)].join(",")), 422, "seat-map-faults", "it is drawn where"),
            (map(&million), 422, "seat-map-faults", "got 1000000"),
            ("[".repeat(100_000), 422, "seat-map-too-deep", "within each other"),
            (map(&"[".repeat(1_000)), 422, "seat-map-too-deep", "within each other"),
            ("seats, please".to_owned(), 400, "malformed-json", "line 1"),
            (String::new(), 400, "malformed-json", "EOF"),
            (map("")[..100].to_owned(), 400, "malformed-json", "EOF"),
            (map(r#"{"label":"1","tier":"a","colour":1}"#), 422, "invalid-request", "unknown field `colour`"),
            (map(r#"{"label":"1","tier":"a","x":1e999}"#), 400, "malformed-json", "out of range"),
        ] {
            let found = refused(Format::Usher, &body);
            let shown = &body[..body.len().min(200)];
            assert!((found.0, found.1.as_str()) == (status, code) && found.2.contains(told), "{shown}: {found:?}");
        }
        assert_eq!(refused(Format::Pretix, "{}").1, "invalid-request");
        assert_eq!(refused(Format::Pretix, r#"{"plan": {"name": 1}}"#).1, "invalid-request");
        assert_eq!(refused(Format::PretixSide, "{}").1, "invalid-request");
        assert_eq!(refused(Format::Csv, "no,sheet\n").1, "seat-map-faults");
    }

    #[test]
    fn a_plan_is_read_alone_and_with_its_side_file() {
        let map = arena(1_000);
        let text = |format| String::from_utf8(write(format, &map).unwrap().1).unwrap();
        let (plan, side) = (text(Format::Pretix), text(Format::PretixSide));
        let pair = format!(r#"{{"plan":{plan},"side":{side}}}"#);
        assert!(read(Format::Pretix, pair.as_bytes(), None).unwrap() == map);
        assert!(read(Format::Pretix, plan.as_bytes(), Some(&map)).unwrap() == map);
        let found = refused(Format::Pretix, &plan);
        assert!(found.2.contains("a plan says no prices"), "{found:?}");
        let bad = json!({"plan": serde_json::from_str::<serde_json::Value>(&plan).unwrap(), "side": {}}).to_string();
        assert_eq!(refused(Format::Pretix, &bad).1, "invalid-request");
    }

    /// The price of the largest maps, printed for `--nocapture`.
    #[test]
    fn a_hundred_thousand_seats_are_read_in_every_format() {
        let map = arena(100_000);
        for format in [Format::Usher, Format::Pretix, Format::Csv] {
            let bytes = write(format, &map).unwrap().1;
            let begun = std::time::Instant::now();
            let read = read(format, &bytes, Some(&map)).unwrap();
            let took = begun.elapsed();
            eprintln!("{format:?}: {} seats of {} bytes read and checked in {took:?}", read.units(), bytes.len());
            assert_eq!(read.units(), map.units());
        }
    }
}
