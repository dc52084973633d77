//! Benches that look at the stores, which we never see: a program of their own beside this one measures them.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

use super::Bench;

pub const NAMES: [&str; 7] = ["draw", "admit", "line-growth", "preview", "holds", "picks", "seat-choice"];

/// What it found; it may find several figures.
pub async fn run(name: &str, rounds: u32) -> anyhow::Result<Vec<Bench>> {
    let program = std::env::current_exe()?.with_file_name("bench");
    let child = Command::new(&program)
        .args([name, "--rounds", &rounds.to_string()])
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .with_context(|| format!("{} cannot be run; `cargo build --release -p bench` makes it", program.display()))?;
    ensure!(child.status.success(), "the bench {name}: {}", child.status);
    let lines = String::from_utf8(child.stdout)?;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| format!("a figure: {line}"))).collect()
}
