//! The dependency law, read from `cargo metadata`, and house rules about the files that git knows.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates each of our crates may use. A new arrow is a decision: it is added here, with its reason in the commit.
const LAW: &[(&str, &[&str])] = &[
    ("contracts", &[]),
    ("domain", &[]),
    ("chassis", &[]),
    ("store", &["domain"]),
    // What several roles' routes share, and no outsider.
    ("once", &["contracts", "chassis", "store"]),
    ("queue-gateway", &["contracts", "domain", "chassis", "store", "once"]),
    ("admission", &["contracts", "domain", "chassis", "store"]),
    ("inventory", &["contracts", "domain", "chassis", "store", "once"]),
    ("booking-worker", &["contracts", "domain", "chassis", "store", "once"]),
    ("realtime", &["contracts", "domain", "chassis", "store"]),
    (
        "usher",
        &[
            "contracts",
            "domain",
            "chassis",
            "store",
            "queue-gateway",
            "admission",
            "inventory",
            "booking-worker",
            "realtime",
        ],
    ),
    ("loadgen", &["contracts", "chassis"]),
    ("payment-mock", &["chassis"]),
    // Measures what no crowd could make; never part of the product.
    ("bench", &["contracts", "domain", "chassis", "store", "admission", "booking-worker", "inventory"]),
    ("testkit", &["contracts", "domain", "chassis", "store"]),
    ("xtask", &[]),
];

/// A source file may not be longer than this without being named in [`LONG`].
const LINES_MAX: usize = 500;
/// Long files, and why.
const LONG: &[(&str, &str)] = &[];

/// Every fault found, one line each.
pub fn faults() -> anyhow::Result<Vec<String>> {
    let mut faults = arrows()?;
    faults.extend(files()?);
    Ok(faults)
}

fn arrows() -> anyhow::Result<Vec<String>> {
    let metadata = MetadataCommand::new().no_deps().exec().context("cargo metadata")?;
    let law: BTreeMap<&str, &[&str]> = LAW.iter().copied().collect();
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let Some(allowed) = law.get(name) else {
            faults.push(format!("{name}: not in the dependency law of xtask tidy"));
            continue;
        };
        for dependency in &package.dependencies {
            // What only tests use may point anywhere but at another service.
            if dependency.kind == DependencyKind::Normal
                && law.contains_key(dependency.name.as_str())
                && !allowed.contains(&dependency.name.as_str())
            {
                faults.push(format!("{name} must not depend on {}", dependency.name));
            }
        }
    }
    Ok(faults)
}

fn files() -> anyhow::Result<Vec<String>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output()
        .context("git ls-files")?;
    let mut faults = Vec::new();
    for file in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|file| !file.is_empty()) {
        let Ok(text) = std::fs::read_to_string(file) else { continue };
        let source = Path::new(file).extension().is_some_and(|kind| kind == "rs");
        for (nth, line) in text.lines().enumerate() {
            let at = || format!("{file}:{}", nth + 1);
            if line.ends_with(' ') || line.ends_with('\t') {
                faults.push(format!("{}: white space at the end of the line", at()));
            }
            // Built from pieces, so that this file passes its own check.
            if source && line.contains(concat!("#[", "ignore")) {
                faults.push(format!("{}: an ignored test", at()));
            }
            if source && line.contains(concat!("#[", "allow(")) {
                faults.push(format!("{}: use #[expect(…, reason = \"…\")]", at()));
            }
        }
        if source && text.lines().count() > LINES_MAX && !LONG.iter().any(|(name, _)| *name == file) {
            faults.push(format!(
                "{file}: longer than {LINES_MAX} lines; split it, or name it in xtask tidy with a reason"
            ));
        }
        if source && !text.starts_with("//!") {
            faults.push(format!("{file}: does not begin by saying what it is (//!)"));
        }
    }
    Ok(faults)
}
