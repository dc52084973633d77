//! Breaking something in the middle of a sale: a process killed, or Redis emptied, at a moment that the seed decides.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use chassis::clock::Clock;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::checker::history::RECOVERY_MS;
use crate::checker::{Fault, Tales, figures};
use crate::cli::DemoArgs;
use crate::crowd::live::Numbers;
use crate::stage::leftovers;

/// What is killed must be back within this.
const BACK_WITHIN_MS: i64 = 30_000;
/// So many holds must be open for the moment to count as interesting.
const HOLDS_OPEN: i64 = 10;
/// The last moment, in percent of the seats sold. A sale that never had enough holds open until then proves nothing.
const LATEST_PERCENT: i64 = 80;

/// What was killed, as the report tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Killed {
    /// What.
    pub role: String,
    /// When, in seconds after the opening.
    pub at_s: f64,
    /// How much was sold, as far as the crowd had seen.
    pub sold_pct: i64,
    /// How many holds were open, as far as the crowd had seen.
    pub holds_open: i64,
    /// How long the line stood still around it.
    pub stood_still_ms: i64,
}

/// What is to be broken, and what came of it.
#[derive(Debug)]
pub struct Breaking {
    what: Option<String>,
    run: PathBuf,
    /// Of the seats sold, from which to strike, once for each.
    from_percents: Vec<i64>,
    broken: Vec<(Killed, Fault)>,
    /// Of the process killed, until another one runs in its place.
    waiting_for: Option<Pid>,
    complaints: Vec<String>,
}

impl Breaking {
    /// What the command line asks for, at a moment of the seed's.
    pub fn new(args: &DemoArgs, data: &Path) -> Self {
        let mut chance = StdRng::seed_from_u64(args.seed ^ 0x0b5e_55ed);
        let times = i64::from(args.times);
        let step = 40 / times;
        let what = args.kill.map(|role| role.word().to_owned()).or(args.empty_redis.then(|| "empty-redis".to_owned()));
        Self {
            what,
            run: data.join("run"),
            from_percents: (0..times).map(|nth| chance.random_range(20 + nth * step..=20 + (nth + 1) * step)).collect(),
            broken: Vec::new(),
            waiting_for: None,
            complaints: Vec::new(),
        }
    }

    /// Looks whether the moment has come, or whether what was killed is back.
    pub async fn watch(&mut self, now: Numbers, seats: u32, clock: &Clock, opens_at_ms: i64) {
        let now_ms = clock.now_ms();
        if let (Some(pid), Some((killed, fault))) = (self.waiting_for, self.broken.last_mut()) {
            if leftovers::running(&self.run.join(format!("{}.pid", killed.role))).is_some_and(|new| new != pid) {
                fault.back_ms = now_ms;
                self.waiting_for = None;
                eprintln!("loadgen: {} is back after {} ms", killed.role, now_ms - fault.from_ms);
            } else if now_ms > fault.from_ms + BACK_WITHIN_MS {
                fault.back_ms = now_ms;
                self.waiting_for = None;
                self.complaints.push(format!("crowd: killed: {} was not back within {BACK_WITHIN_MS} ms", killed.role));
            }
        } else if let (Some(what), Some(from_percent)) = (self.what.clone(), self.from_percents.get(self.broken.len()))
        {
            let sold_pct = now.sold * 100 / i64::from(seats.max(1));
            let recovered = self.broken.last().is_none_or(|(_, last)| now_ms > last.back_ms + RECOVERY_MS);
            if (*from_percent..=LATEST_PERCENT).contains(&sold_pct) && now.holding >= HOLDS_OPEN && recovered {
                self.strike(&what, now, sold_pct, clock, opens_at_ms).await;
            }
        }
    }

    async fn strike(&mut self, what: &str, now: Numbers, sold_pct: i64, clock: &Clock, opens_at_ms: i64) {
        let from_ms = clock.now_ms();
        let done = if what == "empty-redis" {
            empty_redis(&self.run).await.map(|()| None)
        } else {
            kill(&self.run, what).map(Some)
        };
        let back_ms = clock.now_ms();
        match done {
            Ok(pid) => {
                eprintln!("loadgen: {what} struck at {sold_pct} % sold with {} holds open", now.holding);
                self.waiting_for = pid;
            }
            Err(fault) => self.complaints.push(format!("crowd: killed: {what}: {fault:#}")),
        }
        let killed = Killed {
            role: what.to_owned(),
            at_s: (from_ms - opens_at_ms) as f64 / 1_000.0,
            sold_pct,
            holds_open: now.holding,
            stood_still_ms: 0,
        };
        self.broken.push((killed, Fault { what: what.to_owned(), from_ms, back_ms }));
    }

    /// What the checker must know.
    pub fn faults(&self) -> Vec<Fault> {
        self.broken.iter().map(|(_, fault)| fault.clone()).collect()
    }

    /// For how long holds may have outlived their deadline because of it: while it was broken, and a second as always.
    pub fn slack_ms(&self) -> i64 {
        let slack = |(_, fault): &(Killed, Fault)| fault.back_ms - fault.from_ms + RECOVERY_MS;
        1_000 + self.broken.iter().map(slack).max().unwrap_or(0)
    }

    /// What did not go as asked.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.complaints.clone();
        if let Some(what) = self.what.as_ref().filter(|_| self.broken.len() < self.from_percents.len()) {
            complaints.push(format!(
                "crowd: killed: the moment to strike {what}, with {HOLDS_OPEN} holds open, never came: more --seats open more"
            ));
        }
        complaints
    }

    /// What the report tells.
    pub fn told(&self, tales: &Tales<'_>) -> Vec<Killed> {
        let told = |(killed, fault): &(Killed, Fault)| Killed {
            stood_still_ms: figures::stood_still_ms(tales, fault),
            ..killed.clone()
        };
        self.broken.iter().map(told).collect()
    }
}

fn kill(run: &Path, role: &str) -> anyhow::Result<Pid> {
    let file = run.join(format!("{role}.pid"));
    let pid =
        leftovers::running(&file).with_context(|| format!("{} names no running process of ours", file.display()))?;
    kill_process(pid, Signal::KILL)?;
    Ok(pid)
}

/// Sends `FLUSHALL` to the Redis whose address is in the run folder: `redis://[:password@]host:port` or `redis+unix:///path`.
async fn empty_redis(run: &Path) -> anyhow::Result<()> {
    let file = run.join("redis.url");
    let url = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let url = url.trim();
    let (password, rest) = match url.strip_prefix("redis://") {
        Some(rest) => {
            rest.rsplit_once('@').map_or((None, rest), |(user, host)| (user.split_once(':').map(|u| u.1), host))
        }
        None => (None, url),
    };
    let auth = password.map(|password| format!("AUTH {password}\r\n")).unwrap_or_default();
    let said = format!("{auth}FLUSHALL\r\n");
    let emptied = async {
        if url.starts_with("redis://") {
            let host = rest.split(['/', '?']).next().unwrap_or(rest);
            talk(TcpStream::connect(host).await?, &said).await
        } else {
            let path = rest.trim_start_matches("redis+unix://").trim_start_matches("unix://");
            let path = url_decoded(path.split('?').next().unwrap_or(path))?;
            talk(UnixStream::connect(path).await?, &said).await
        }
    };
    tokio::time::timeout(Duration::from_secs(2), emptied).await?
}

/// A path as it was before it was put into a URL.
fn url_decoded(text: &str) -> anyhow::Result<PathBuf> {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if let (b'%', [high, low, tail @ ..]) = (first, tail) {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&[*high, *low])?, 16)?);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    Ok(std::ffi::OsString::from_vec(bytes).into())
}

async fn talk(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, said: &str) -> anyhow::Result<()> {
    stream.write_all(said.as_bytes()).await?;
    let mut heard = String::new();
    let mut buffer = [0; 512];
    while heard.matches("\r\n").count() < said.matches("\r\n").count() {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            bail!("Redis hung up after {heard:?}");
        }
        heard.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    if heard.contains('-') {
        bail!("Redis said {heard:?}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_of_redis_is_read_and_an_error_is_told() {
        async fn served(answer: &'static str) -> anyhow::Result<()> {
            let (ours, mut theirs) = tokio::io::duplex(256);
            let serve = async {
                let mut heard = [0; 64];
                let read = theirs.read(&mut heard).await.unwrap();
                assert_eq!(&heard[..read], b"FLUSHALL\r\n");
                theirs.write_all(answer.as_bytes()).await.unwrap();
            };
            tokio::join!(talk(ours, "FLUSHALL\r\n"), serve).0
        }
        served("+OK\r\n").await.unwrap();
        assert!(served("-NOAUTH needed\r\n").await.unwrap_err().to_string().contains("NOAUTH"));
    }

    #[test]
    fn paths_come_out_of_urls_as_they_went_in() {
        assert_eq!(url_decoded("/a%20b/c%25d/e").unwrap(), Path::new("/a b/c%d/e"));
    }
}
