//! A child process in a group of its own, so that a Ctrl-C reaches it through us and in order.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{ChildStdout, Command};

/// Where a child's standard error goes.
#[derive(Debug, Clone)]
pub enum Output {
    /// Where ours goes.
    Inherit,
    /// Behind what the file already has.
    File(PathBuf),
}

/// A running child.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    pid_file: Option<PathBuf>,
}

impl Child {
    /// Starts a program. With a pid file, what follows a killed run can find it.
    pub fn start(
        program: &Path,
        args: &[String],
        env: &[(String, String)],
        output: &Output,
        pid_file: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let stderr = match output {
            Output::Inherit => Stdio::inherit(),
            Output::File(path) => append(path)?.into(),
        };
        let mut process = Command::new(program)
            .args(args)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        if let (Some(path), Some(pid)) = (&pid_file, process.id()) {
            std::fs::write(path, format!("{pid}\n"))?;
        }
        let lines = process.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        Ok(Self { process, lines, pid_file })
    }

    /// Reads its standard output until a line begins with `start`: whether one did before the output ended. Then the rest of the
    /// output is read and thrown away by [`Child::wait`].
    pub async fn line_with(&mut self, start: &str) -> bool {
        let Some(lines) = &mut self.lines else { return false };
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with(start) {
                return true;
            }
        }
        self.lines = None;
        false
    }

    /// Waits for its end. Cancelling loses nothing.
    pub async fn wait(&mut self) -> String {
        // A pipe that nobody reads would stop the child once it is full.
        while let Some(lines) = &mut self.lines {
            if !matches!(lines.next_line().await, Ok(Some(_))) {
                self.lines = None;
            }
        }
        told(self.process.wait().await)
    }

    /// Asks it to stop, waits, and kills it if it does not.
    pub async fn stop(&mut self, patience: Duration) {
        if let Some(pid) = self.process.id().and_then(|id| Pid::from_raw(id as i32)) {
            // It may be gone already, which is what was wanted.
            let _ = kill_process(pid, Signal::TERM);
            if tokio::time::timeout(patience, self.wait()).await.is_err() {
                eprintln!("loadgen: process {} did not stop within {} s and is killed", pid, patience.as_secs());
                let _ = kill_process(pid, Signal::KILL);
                self.wait().await;
            }
        }
        if let Some(path) = &self.pid_file {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A log file, to be written behind what it has.
pub fn append(path: &Path) -> anyhow::Result<File> {
    OpenOptions::new().create(true).append(true).open(path).with_context(|| format!("cannot write {}", path.display()))
}

fn told(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|fault| fault.to_string(), |status| status.to_string())
}
