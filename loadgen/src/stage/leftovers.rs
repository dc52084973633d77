//! What a killed run left behind: found by pid files, checked by the command line, asked to stop, then killed.

use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// Programs that a pid file of ours may name.
const OURS: [&str; 5] = ["usher", "payment-mock", "redis-server", "postgres", "nginx"];

/// A process named by a pid file, if it runs and is one of ours.
pub fn running(pid_file: &Path) -> Option<Pid> {
    let text = std::fs::read_to_string(pid_file).ok()?;
    // Postgres writes more lines than the first.
    let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
    let command = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).ok()?;
    let first = command.split(|byte| *byte == 0).next()?;
    // Servers write titles as `redis-server unixsocket:…` and `nginx: master process …`.
    let program = String::from_utf8_lossy(first).into_owned();
    let program = program.split([' ', ':']).next()?.rsplit('/').next()?.to_owned();
    OURS.contains(&program.as_str()).then_some(pid)
}

/// Ends every process of ours that the pid files in the folder name, and removes the files.
pub async fn end_all(run: &Path) -> anyhow::Result<()> {
    let mut files: Vec<_> = std::fs::read_dir(run)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "pid"))
        .collect();
    // Usher first: it stops its own parts in order.
    files.sort_by_key(|path| !path.ends_with("usher.pid"));
    for file in files {
        if let Some(pid) = running(&file) {
            eprintln!("loadgen: ending process {pid} of an earlier run ({})", file.display());
            end(pid).await;
        }
        let _ = std::fs::remove_file(&file);
    }
    Ok(())
}

async fn end(pid: Pid) {
    for (signal, patience_s) in [(Signal::TERM, 15), (Signal::KILL, 5)] {
        let _ = kill_process(pid, signal);
        for _ in 0..patience_s * 20 {
            if test_kill_process(pid).is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_programs_count() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.pid");
        std::fs::write(&file, format!("{}\n", std::process::id())).unwrap();
        assert_eq!(running(&file), None, "a test is no server of ours");
        std::fs::write(&file, "not a number\n").unwrap();
        assert_eq!(running(&file), None);
    }
}
