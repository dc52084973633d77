//! `usher draw`: checks a published draw from its files, and makes an example of one.

mod example;

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Subcommand;
use domain::draw::{Asked, Fault, Hex, Verified, verify};
use serde_json::json;

/// What can be done with a draw.
#[derive(Debug, Subcommand)]
pub enum Draw {
    /// Compute a published draw anew and compare every file; exits with 1 when something does not hold.
    Verify {
        /// The draw.json, with the other files beside it, or their folder.
        file: PathBuf,
        /// Also say which number this entry was drawn, and check the proof that it is in the roster.
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..))]
        entry: Option<i64>,
        /// Refuse statements that another Ed25519 key signed: its 64 hexadecimal digits.
        #[arg(long, value_parser = key)]
        key: Option<Hex<32>>,
        /// One JSON object instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Write a made-up published draw, the same one each time.
    Example(example::Example),
}

fn key(text: &str) -> Result<Hex<32>, String> {
    Hex::parse(text).ok_or_else(|| "64 lower-case hexadecimal digits are a key".to_owned())
}

/// Does it.
pub fn run(what: Draw) -> anyhow::Result<ExitCode> {
    match what {
        Draw::Verify { file, entry, key, json } => check(&file, Asked { entry, key }, json),
        Draw::Example(example) => example.write(),
    }
}

fn check(file: &Path, asked: Asked, as_json: bool) -> anyhow::Result<ExitCode> {
    let folder = if file.is_dir() { Some(file) } else { file.parent() };
    let folder = folder.with_context(|| format!("{} is neither a file nor a folder", file.display()))?;
    let open = |name: &'static str| {
        let named = name == "draw.json" && !file.is_dir();
        File::open(if named { file.to_owned() } else { folder.join(name) })
    };
    let mut out = std::io::stdout().lock();
    let verified = match verify(open, asked) {
        Ok(verified) => verified,
        Err(faults) => {
            if as_json {
                let faults: Vec<_> = faults.iter().map(fault_json).collect();
                writeln!(out, "{}", json!({"holds": false, "faults": faults}))?;
            } else {
                for fault in faults {
                    writeln!(out, "{fault}")?;
                }
            }
            return Ok(ExitCode::FAILURE);
        }
    };
    if let Some(entry) = asked.entry.filter(|_| verified.entry.is_none()) {
        anyhow::bail!("there is no entry {entry}: the roster has 1 to {}", verified.draw.roster.size);
    }
    if as_json {
        writeln!(out, "{}", verified_json(&verified))?
    } else {
        write!(out, "{}", told(&verified))?
    }
    Ok(ExitCode::SUCCESS)
}

fn fault_json(fault: &Fault) -> serde_json::Value {
    json!({"file": fault.file, "entry": fault.entry, "what": fault.what})
}

fn verified_json(verified: &Verified) -> serde_json::Value {
    let draw = &verified.draw;
    let entry = verified.entry.as_ref().map(|followed| {
        json!({
            "entry": followed.proof.entry,
            "number": followed.number,
            "leaf": followed.leaf,
            "proof": followed.proof.path.iter().copied().map(Hex).collect::<Vec<_>>(),
        })
    });
    json!({
        "holds": true,
        "provable": draw.provable,
        "unprovable": verified.unprovable,
        "sale": draw.sale,
        "size": draw.roster.size,
        "root": draw.roster.root,
        "seed": draw.seed,
        "signer": draw.signer,
        "entry": entry,
    })
}

fn told(verified: &Verified) -> String {
    let draw = &verified.draw;
    let beacon = draw.beacon.as_ref().map_or_else(
        || "none was agreed".to_owned(),
        |used| format!("round {} of {}, signed by the chain's key", used.round, used.chain.name),
    );
    let mut told = format!(
        "The draw of {:?} ({}, {}) holds.\n\
         \x20 commitment  the secret is the one whose hash was published\n\
         \x20 roster      {} entries under the root {}\n\
         \x20 beacon      {beacon}\n\
         \x20 order       every number is the one that the seed makes\n\
         \x20 signed by   key {}, Ed25519 {}\n",
        draw.sale.name,
        draw.sale.event,
        draw.sale.id,
        draw.roster.size,
        draw.roster.root,
        draw.signer.key_id,
        draw.signer.ed25519,
    );
    if let Some(followed) = &verified.entry {
        let (entry, steps) = (followed.proof.entry, followed.proof.path.len());
        told += &format!(
            "  entry {entry}     drew number {}; {:?} is in the roster, proved by {steps} hashes\n",
            followed.number, followed.leaf
        );
    }
    told += &match verified.unprovable.join("; ") {
        none if none.is_empty() => "Provable: nobody could have known or chosen this order.\n".to_owned(),
        reasons => format!("Not provable, and says so: {reasons}.\n"),
    };
    told
}
