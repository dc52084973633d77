//! The API's description: the committed file is what the code says, and the same routes stand in the documentation.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

const COMMITTED: &str = include_str!("../../../contracts/openapi.json");
const DOCUMENTATION: &str = include_str!("../../../docs/API.md");
const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

/// `(method, path)` of every operation, the method in capitals.
pub fn described() -> BTreeSet<(String, String)> {
    operations().into_iter().map(|(method, path, _)| (method, path)).collect()
}

fn operations() -> Vec<(String, String, Value)> {
    let document: Value = serde_json::from_str(COMMITTED).expect("a JSON document");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            if METHODS.contains(&method.as_str()) {
                found.push((method.to_uppercase(), path.clone(), operation.clone()));
            }
        }
    }
    found
}

/// The first cell of each row of the table of routes: `` `METHOD /path?parameters` ``.
fn documented() -> BTreeSet<(String, String)> {
    let cells = DOCUMENTATION.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    cells
        .filter_map(|cell| {
            let (method, path) = cell.split_once(' ')?;
            let path = path.split('?').next()?;
            METHODS.contains(&method.to_lowercase().as_str()).then(|| (method.to_owned(), path.to_owned()))
        })
        .collect()
}

#[test]
fn the_committed_description_is_what_the_code_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_usher")).arg("openapi").output().expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).expect("text");
    let first = printed.lines().zip(COMMITTED.lines()).enumerate().find(|(_, (now, then))| now != then);
    assert!(
        printed == COMMITTED,
        "contracts/openapi.json is not what the code says (first at {first:?}): run `./dev gen` and commit it"
    );
}

#[test]
fn every_route_of_the_documentation_is_described_and_the_other_way_round() {
    let (described, documented) = (described(), documented());
    let missing: Vec<_> = documented.difference(&described).collect();
    let secret: Vec<_> = described.difference(&documented).collect();
    assert!(missing.is_empty(), "in docs/API.md and not in the description: {missing:?}");
    assert!(secret.is_empty(), "described and not in docs/API.md: {secret:?}");
    assert!(described.len() > 30, "{described:?}");
}

#[test]
fn operations_have_names_of_their_own_and_every_reference_resolves() {
    let document: Value = serde_json::from_str(COMMITTED).expect("a JSON document");
    let operations = operations();
    let names: BTreeSet<_> = operations.iter().map(|(.., operation)| operation["operationId"].as_str()).collect();
    assert!(!names.contains(&None), "{names:?}");
    assert_eq!(names.len(), operations.len(), "{names:?}");
    for pointer in COMMITTED.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
    }
    for (method, path, operation) in &operations {
        for (status, answer) in operation["responses"].as_object().expect("answers") {
            assert!(answer["description"].is_string(), "{method} {path}: {status} has no description");
        }
    }
    for scheme in operations.iter().filter_map(|(.., operation)| operation["security"].as_array()).flatten() {
        let name = scheme.as_object().and_then(|scheme| scheme.keys().next()).expect("a scheme");
        assert!(!document["components"]["securitySchemes"][name].is_null(), "{name} is no scheme");
    }
}
