//! `usher draw acknowledged`: what an acknowledgement proves.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use domain::draw::{ACKNOWLEDGEMENT_MAX, Hex, Standing, acknowledged, genuine};
use serde_json::json;

use super::fault_json;

/// Says it, as lines or as one JSON object.
pub fn check(file: &Path, roster: Option<&Path>, keys: &[Hex<32>], as_json: bool) -> anyhow::Result<ExitCode> {
    let mut bytes = Vec::new();
    let from = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    from.take(ACKNOWLEDGEMENT_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let told = match roster {
        None => genuine(&bytes, keys).map(|genuine| (genuine, None)),
        Some(folder) => acknowledged(&bytes, |name| File::open(folder.join(name)), keys)
            .map(|(genuine, standing)| (genuine, Some(standing))),
    };
    let mut out = std::io::stdout().lock();
    let (genuine, standing) = match told {
        Ok(told) => told,
        Err(faults) if as_json => {
            let faults: Vec<_> = faults.iter().map(fault_json).collect();
            writeln!(out, "{}", json!({"genuine": false, "faults": faults}))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(faults) => {
            for fault in faults {
                writeln!(out, "{fault}")?;
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    let left_out = matches!(standing, Some(Standing::LeftOut { .. }));
    let instead = match &standing {
        Some(Standing::LeftOut { instead }) => instead.as_deref(),
        _ => None,
    };
    let (said, leaf, entry) = (&genuine.statement, &genuine.leaf, genuine.entry);
    if as_json {
        let in_roster = standing.is_some().then_some(!left_out);
        let told = json!({
            "genuine": true, "in_roster": in_roster, "instead": instead, "entry": entry, "leaf": leaf, "sale": said.sale,
            "acknowledged_ms": said.acknowledged_ms, "signer": said.signer,
        });
        writeln!(out, "{told}")?;
    } else {
        let (key, at_ms) = (&said.signer, said.acknowledged_ms);
        writeln!(out, "{leaf:?} was acknowledged for {}.", said.sale)?;
        writeln!(out, "  signed by   key {}, Ed25519 {}", key.key_id, key.ed25519)?;
        writeln!(out, "  when        {at_ms} ms since 1970, in a batch of {}", said.size)?;
        match (&standing, instead) {
            (None, _) => writeln!(out, "Keep it: the roster must have this line.")?,
            (Some(Standing::Listed), _) => writeln!(out, "It is in the roster.")?,
            (_, Some(instead)) => {
                writeln!(
                    out,
                    "LEFT OUT: for entry {entry} the roster has {instead:?}. This acknowledgement proves it."
                )?;
            }
            (_, None) => {
                writeln!(out, "LEFT OUT: the roster ends before entry {entry}. This acknowledgement proves it.")?;
            }
        }
    }
    Ok(if left_out { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
