//! `usher log`: fetches a sale's log and checks it with nothing but the files: every hash, every signature, and that the
//! line moved in order and at its pace. Shares no code with the checks that read the stores.

mod chain;
mod fairness;
mod files;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use domain::draw::DrawStatement;
use serde::Serialize;

pub use self::files::Files;

/// Faults printed, at most: the first ones matter.
const TOLD: usize = 100;

/// What to do with a log.
#[derive(Debug, clap::Subcommand)]
pub enum LogCommand {
    /// Check a sale's log; exits with 1 when anything is wrong.
    Verify {
        /// A folder that `fetch` wrote, or a sale's address, such as https://…/v1/sales/sal_….
        source: String,
        /// One JSON object instead of lines.
        #[arg(long)]
        json: bool,
        /// The id of the key that must have signed, learned from elsewhere; else whatever the source publishes is trusted.
        #[arg(long)]
        key: Option<String>,
        /// The published draw.json, checked apart: the line must have gone by this draw.
        #[arg(long)]
        draw: Option<PathBuf>,
    },
    /// Download a sale's log.
    Fetch {
        /// The sale's address, such as https://…/v1/sales/sal_….
        url: String,
        /// Where to write it; made if need be.
        dir: PathBuf,
    },
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// `joins`, `pace`, `seats`, `heads` or `keys`.
    pub part: &'static str,
    /// The version, a head's `seq`, or the line of a file that cannot be read.
    pub version: i64,
    /// What is wrong.
    pub what: String,
}

/// What was checked, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records per lane: joins, pace, seats.
    pub records: [usize; 3],
    /// Signed heads.
    pub heads: usize,
    /// Records after those that the last head names: chained, but not signed yet.
    pub unsigned: usize,
    /// Places let in.
    pub admitted: u64,
    /// The most let in within the window that is judged (see `fairness`), and the rate then in force.
    pub busiest: Option<(u64, u32)>,
    /// Who was preferred to whom, and the reason that the log gives.
    pub exceptions: Vec<Fault>,
    /// What is wrong; empty when all is well.
    pub faults: Vec<Fault>,
}

/// Checks a log: by itself, that the key of the id `pinned` signed it, if one is given, and that the line went by this draw.
#[must_use]
pub fn check(files: &Files, pinned: Option<&str>, draw: Option<&DrawStatement>) -> Report {
    let mut report = Report::default();
    let log = chain::check(files, pinned, &mut report);
    if report.faults.is_empty() {
        fairness::check(&log, &mut report);
        if let Some(draw) = draw {
            report.faults.extend(fairness::other_draw(&log, draw));
        }
    }
    report
}

/// Runs the command.
pub async fn run(command: LogCommand) -> anyhow::Result<ExitCode> {
    match command {
        LogCommand::Fetch { url, dir } => {
            let files = Files::fetch(&url).await?;
            files.write(&dir).with_context(|| format!("{} cannot be written", dir.display()))?;
            println!("the log is in {}", dir.display());
            Ok(ExitCode::SUCCESS)
        }
        LogCommand::Verify { source, json, key, draw } => {
            let draw = draw.map(|file| read_draw(&file)).transpose()?;
            let files = if source.starts_with("http://") || source.starts_with("https://") {
                Files::fetch(&source).await?
            } else {
                Files::read(source.as_ref())?
            };
            let report = check(&files, key.as_deref(), draw.as_ref());
            if json {
                println!("{}", serde_json::to_string(&report)?);
            } else {
                print(&report);
            }
            Ok(if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn read_draw(file: &Path) -> anyhow::Result<DrawStatement> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    serde_json::from_slice(&bytes).with_context(|| format!("{} is not a published draw.json", file.display()))
}

fn print(report: &Report) {
    for Fault { part, version, what } in report.faults.iter().take(TOLD) {
        println!("fault: {part} {version}: {what}");
    }
    for Fault { part, version, what } in report.exceptions.iter().take(TOLD) {
        println!("exception: {part} {version}: {what}");
    }
    let [joins, pace, seats] = report.records;
    println!(
        "{joins} joins, {pace} pace and {seats} seats records, {} heads, {} records not signed yet, {} let in, {} exceptions, {} faults",
        report.heads,
        report.unsigned,
        report.admitted,
        report.exceptions.len(),
        report.faults.len()
    );
}
