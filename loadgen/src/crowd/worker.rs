//! A crowd in processes of their own: one process may open 20,000 files, so a large crowd is shared out.
//!
//! A worker reads its order as one JSON line, then `closing` and `stop` lines; it writes its numbers four times a second and,
//! at the end, one line per story.

use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::clock::Clock;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio_util::sync::CancellationToken;

use super::live::Numbers;
use super::{CrowdOrder, Live, Story};

/// Fans in one process: each holds a socket or two and a share of the connections.
pub const FANS_PER_PROCESS: u32 = 9_000;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Numbers(Numbers),
    Story(Box<Story>),
    Done,
}

/// `loadgen crowd`: plays a share of a crowd.
pub async fn serve(clock: Clock) -> anyhow::Result<ExitCode> {
    let mut input = BufReader::new(tokio::io::stdin()).lines();
    let order = input.next_line().await?.context("no order on standard input")?;
    let order: CrowdOrder = serde_json::from_str(&order)?;
    let live = Arc::new(Live::default());
    let stop = CancellationToken::new();
    let mut output = tokio::io::stdout();
    let crowd = super::run(order, live.clone(), clock, stop.clone());
    tokio::pin!(crowd);
    let mut tick = tokio::time::interval(Duration::from_millis(250));
    let stories = loop {
        tokio::select! {
            stories = &mut crowd => break stories?,
            _ = tick.tick() => write(&mut output, &Line::Numbers(live.numbers())).await?,
            line = input.next_line(), if !stop.is_cancelled() => {
                live.closing.store(true, Ordering::Relaxed);
                // `stop`, or a parent that is gone and wants nothing any more.
                if line?.as_deref() != Some("closing") {
                    stop.cancel();
                }
            }
        }
    };
    for story in stories {
        write(&mut output, &Line::Story(Box::new(story))).await?;
    }
    write(&mut output, &Line::Done).await?;
    Ok(ExitCode::SUCCESS)
}

async fn write(output: &mut tokio::io::Stdout, line: &Line) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    output.write_all(&text).await?;
    Ok(output.flush().await?)
}

/// A worker as its parent holds it. It dies with its parent's handle.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    input: ChildStdin,
    output: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts one with its order.
    pub async fn start(order: &CrowdOrder) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("crowd")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .process_group(0)
            .spawn()
            .context("cannot start a crowd process")?;
        let mut input = child.stdin.take().context("a piped input")?;
        let output = BufReader::new(child.stdout.take().context("a piped output")?).lines();
        let mut text = serde_json::to_vec(order)?;
        text.push(b'\n');
        input.write_all(&text).await?;
        Ok(Self { child, input, output })
    }

    /// Follows it to its end. `numbers` hears how it goes; `closing` and `stop` are passed on.
    pub async fn follow(
        mut self,
        mut numbers: impl FnMut(Numbers),
        closing: CancellationToken,
        stop: CancellationToken,
    ) -> anyhow::Result<Vec<Story>> {
        let mut stories = Vec::new();
        let (mut told_closing, mut told_stop) = (false, false);
        loop {
            tokio::select! {
                () = closing.cancelled(), if !told_closing => {
                    told_closing = true;
                    self.input.write_all(b"closing\n").await?;
                }
                () = stop.cancelled(), if !told_stop => {
                    told_stop = true;
                    self.input.write_all(b"stop\n").await?;
                }
                line = self.output.next_line() => {
                    let line = line?.context("a crowd process ended before its stories")?;
                    match serde_json::from_str(&line)? {
                        Line::Numbers(new) => numbers(new),
                        Line::Story(story) => stories.push(*story),
                        Line::Done => break,
                    }
                }
            }
        }
        let status = self.child.wait().await?;
        ensure!(status.success(), "a crowd process ended with {status}");
        Ok(stories)
    }
}
