//! `usher draw`: checks a published draw from its files, and makes an example of one.

mod acknowledged;
mod example;

use std::fs::File;
use std::io::Write;
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
    /// Check an acknowledgement, and hold it against the published roster; exits with 1 when something does not hold, or the entry
    /// was left out.
    Acknowledged {
        /// What the answer to the join has as `acknowledgement`.
        file: PathBuf,
        /// The folder with roster.json, roster.sig and roster.txt; without it the acknowledgement is checked by itself.
        #[arg(long)]
        roster: Option<PathBuf>,
        /// Refuse what another Ed25519 key signed: its 64 hexadecimal digits. May be given again for the keys of before.
        #[arg(long, value_parser = key)]
        key: Vec<Hex<32>>,
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
        Draw::Acknowledged { file, roster, key, json } => acknowledged::check(&file, roster.as_deref(), &key, json),
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
        writeln!(out, "{}", verified_json(&verified))?;
    } else {
        tell(&verified, &mut out)?;
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

fn tell(verified: &Verified, out: &mut impl Write) -> std::io::Result<()> {
    let draw = &verified.draw;
    let (sale, roster, signer) = (&draw.sale, &draw.roster, &draw.signer);
    writeln!(out, "The draw of {:?} ({}, {}) holds.", sale.name, sale.event, sale.id)?;
    writeln!(out, "  commitment  the secret is the one whose hash was published")?;
    writeln!(out, "  roster      {} entries under the root {}", roster.size, roster.root)?;
    match &draw.beacon {
        Some(used) => writeln!(out, "  beacon      round {} of {}, signed by its key", used.round, used.chain.name)?,
        None => writeln!(out, "  beacon      none was agreed")?,
    }
    writeln!(out, "  order       every number is the one that the seed makes")?;
    writeln!(out, "  signed by   key {}, Ed25519 {}", signer.key_id, signer.ed25519)?;
    if let Some(followed) = &verified.entry {
        let (entry, steps) = (followed.proof.entry, followed.proof.path.len());
        writeln!(out, "  entry {entry}    drew number {}", followed.number)?;
        writeln!(out, "              {:?} is in the roster, proved by {steps} hashes", followed.leaf)?;
    }
    if verified.unprovable.is_empty() {
        writeln!(out, "Provable: nobody could have known or chosen this order.")
    } else {
        writeln!(out, "Not provable, and says so: {}.", verified.unprovable.join("; "))
    }
}
