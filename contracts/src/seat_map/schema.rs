//! The format as a JSON Schema, made from the types.

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema as _, ToSchema as _};

use super::SeatMap;

/// The JSON Schema (2020-12) of `usher-seat-map/1`, as `contracts/seat-map.schema.json` has it.
///
/// What no schema can say (unique names, tiers that exist, seats on one another) is [`SeatMap::faults`]'s to find.
#[must_use]
pub fn json_schema() -> Value {
    let mut parts: Vec<(String, RefOr<Schema>)> = Vec::new();
    SeatMap::schemas(&mut parts);
    let definitions: Map<String, Value> =
        parts.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())).collect();
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "usher-seat-map/1",
    });
    if let (Some(schema), Ok(Value::Object(whole))) = (schema.as_object_mut(), serde_json::to_value(SeatMap::schema()))
    {
        schema.extend(whole);
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    point_within(&mut schema);
    schema
}

/// References lead to this document's definitions, not to those of an OpenAPI one.
fn point_within(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(target)) = fields.get_mut("$ref") {
                *target = target.replace("#/components/schemas/", "#/$defs/");
            }
            fields.values_mut().for_each(point_within);
        }
        Value::Array(items) => items.iter_mut().for_each(point_within),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = include_str!("../../seat-map.schema.json");

    #[test]
    fn the_committed_schema_is_what_the_types_say() {
        let committed: Value = serde_json::from_str(COMMITTED).unwrap();
        assert!(
            json_schema() == committed,
            "contracts/seat-map.schema.json is not what the code says: run `./dev gen` and commit it"
        );
    }

    #[test]
    fn unknown_properties_are_refused_and_every_reference_resolves() {
        let schema = json_schema();
        assert_eq!(schema["additionalProperties"], false);
        for (name, part) in schema["$defs"].as_object().unwrap() {
            assert!(part["additionalProperties"] == false || part["enum"].is_array(), "{name}: {part}");
        }
        let text = schema.to_string();
        for pointer in text.split(r##""$ref":"#"##).skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schema.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
        assert!(text.contains(r##""$ref":"#/$defs/MapSeat""##) && !text.contains("components"));
    }
}
