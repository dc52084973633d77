//! Many demos, each with something killed or emptied, and a table of how they went.

use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, ensure};
use clap::ValueEnum as _;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli::{ChaosArgs, Role};
use crate::demo::stopped;

/// `loadgen chaos`.
pub async fn run(args: ChaosArgs) -> anyhow::Result<ExitCode> {
    let mut kinds: Vec<String> = Role::value_variants().iter().map(|role| role.word().to_owned()).collect();
    kinds.push("empty-redis".to_owned());
    for name in &args.only {
        ensure!(kinds.contains(name), "there is no fault {name:?}; there are {}", kinds.join(", "));
    }
    kinds.retain(|kind| args.only.is_empty() || args.only.contains(kind));
    println!(
        "{:<16} {:>5} {:>6} {:>6} {:>6} {:>9} {:>7}  outcome",
        "fault", "seed", "sold%", "holds", "at s", "still ms", "took s"
    );
    let (mut passed, mut failed) = (0, 0);
    for seed in args.from..args.from + args.seeds {
        for kind in &kinds {
            let Some(row) = one(kind, seed, &args).await.transpose() else { return Ok(ExitCode::FAILURE) };
            let (line, well) =
                row.unwrap_or_else(|fault| (format!("{kind:<16} {seed:>5}  it could not run: {fault:#}"), false));
            println!("{line}");
            if well { passed += 1 } else { failed += 1 }
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One demo: its row, and whether it went well. Nothing if we were told to stop.
async fn one(kind: &str, seed: u64, args: &ChaosArgs) -> anyhow::Result<Option<(String, bool)>> {
    let [seed_text, fans, seats] = [seed, args.fans.into(), args.seats.into()].map(|number| number.to_string());
    let mut command = tokio::process::Command::new(std::env::current_exe()?);
    command.args(["demo", "--split", "--json", "--keep", "--seed", &seed_text, "--fans", &fans, "--seats", &seats]);
    if kind == "empty-redis" {
        command.arg("--empty-redis")
    } else {
        command.args(["--kill", kind])
    };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let demo = command.spawn()?;
    let pid = demo.id().and_then(|id| Pid::from_raw(id as i32));
    let output = demo.wait_with_output();
    tokio::pin!(output);
    let output = tokio::select! {
        output = &mut output => output?,
        () = stopped() => {
            // It stops its own children, which takes some time.
            let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
            output.await?;
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().last().filter(|line| line.starts_with('{'));
    let errors = String::from_utf8_lossy(&output.stderr);
    let report: Value =
        serde_json::from_str(last.with_context(|| errors.lines().last().unwrap_or("no report").to_owned())?)?;
    let killed = &report["killed"][0];
    let violations = report["violations"].as_array().cloned().unwrap_or_default();
    let well = output.status.success() && violations.is_empty();
    let mut line = format!(
        "{kind:<16} {seed:>5} {:>6} {:>6} {:>6.1} {:>9} {:>7.1}  {}",
        killed["sold_pct"].to_string(),
        killed["holds_open"].to_string(),
        killed["at_s"].as_f64().unwrap_or(0.0),
        killed["stood_still_ms"].to_string(),
        report["duration_s"].as_f64().unwrap_or(0.0),
        if well { "ok" } else { "FAILED" }
    );
    for violation in &violations {
        line = line + "\n    " + violation.as_str().unwrap_or("?");
    }
    if !well && let Some(kept) = errors.lines().rev().find(|line| line.contains("logs and data are in")) {
        line = line + "\n    " + kept;
    }
    Ok(Some((line, well)))
}
