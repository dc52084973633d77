//! The stage: starts the payment provider and Usher as a stranger would, from their command lines, and stops them.

pub mod arena;
pub mod child;
pub mod leftovers;
pub mod office;
pub mod payment;
pub mod secrets;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use child::{Child, Output};
use payment::PaymentMock;
use secrets::Secrets;

/// How long Usher may take from its start to `ready`: the first start makes a Postgres.
const READY_WITHIN: Duration = Duration::from_mins(2);
/// How long Usher may take to stop: it stops two servers and its roles.
const STOP_WITHIN: Duration = Duration::from_secs(30);

/// What to start.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where everything is kept.
    pub data: PathBuf,
    /// Where Usher listens; a spare port without it.
    pub port: Option<u16>,
    /// Each role as a process of its own.
    pub split: bool,
    /// How many processes serve sockets, above one.
    pub realtime_processes: u32,
    /// Further settings for Usher.
    pub env: Vec<(String, String)>,
    /// Usher's log goes to a file instead of this program's standard error.
    pub quiet: bool,
}

/// Everything running.
#[derive(Debug)]
pub struct Stage {
    /// The API.
    pub base: String,
    /// The payment provider's API.
    pub provider: String,
    /// Where everything is kept.
    pub data: PathBuf,
    /// What Usher and the provider share.
    pub secrets: Secrets,
    usher: Child,
    payment: PaymentMock,
}

impl Stage {
    /// Ends what an earlier run left, then starts everything and waits until it is ready.
    pub async fn start(setup: &Setup) -> anyhow::Result<Self> {
        let data = &setup.data;
        std::fs::create_dir_all(data.join("run"))
            .with_context(|| format!("cannot make the folder {}", data.display()))?;
        std::fs::create_dir_all(data.join("logs"))?;
        leftovers::end_all(&data.join("run")).await?;
        let secrets = Secrets::load_or_make(data)?;
        let port = match setup.port {
            Some(port) => {
                ensure_free(port)?;
                port
            }
            None => spare_port()?,
        };
        let base = format!("http://127.0.0.1:{port}");
        let payment = PaymentMock::start(data, &secrets, &format!("{base}/v1/webhooks/payments")).await?;
        let provider = payment.base();
        let usher = match start_usher(setup, port, &provider, &secrets).await {
            Ok(usher) => usher,
            Err(fault) => {
                payment.stop().await;
                leftovers::end_all(&data.join("run")).await?;
                return Err(fault);
            }
        };
        Ok(Self { base, provider, data: data.clone(), secrets, usher, payment })
    }

    /// The settings that any of Usher's commands need on this stage.
    pub fn usher_env(&self) -> Vec<(String, String)> {
        payment_env(&self.provider, &self.secrets)
    }

    /// Waits until Usher ends, which it should not by itself, and says how.
    pub async fn usher_ended(&mut self) -> String {
        let status = self.usher.wait().await;
        let log = self.data.join("logs/usher.log");
        format!("usher ended by itself with {status}{}", tail(&log))
    }

    /// Stops everything: asks, waits, and kills what does not listen.
    pub async fn stop(mut self) {
        self.usher.stop(STOP_WITHIN).await;
        self.payment.stop().await;
        if let Err(fault) = leftovers::end_all(&self.data.join("run")).await {
            eprintln!("loadgen: {fault:#}");
        }
    }
}

/// What Usher must know of the payment provider.
fn payment_env(provider: &str, secrets: &Secrets) -> Vec<(String, String)> {
    vec![
        // One machine has one clock.
        ("USHER_ADMISSION__CLOCK_SLACK_MS".to_owned(), "1000".to_owned()),
        // Without a network there is no public beacon; draws made so say that they prove nothing.
        ("USHER_ADMISSION__DRAW__BEACON".to_owned(), "local".to_owned()),
        ("USHER_ADMISSION__DRAW__DELAY_S".to_owned(), "2".to_owned()),
        ("USHER_PAYMENT__API".to_owned(), provider.to_owned()),
        ("USHER_PAYMENT__SECRET_KEY".to_owned(), secrets.payment_key.clone()),
        ("USHER_PAYMENT__WEBHOOK_SECRET".to_owned(), secrets.webhook_secret.clone()),
    ]
}

async fn start_usher(setup: &Setup, port: u16, provider: &str, secrets: &Secrets) -> anyhow::Result<Child> {
    let data = &setup.data;
    let mut args = vec!["up".to_owned(), "--port".to_owned(), port.to_string(), "--data".to_owned(), path_text(data)?];
    if setup.split {
        args.push("--split".to_owned());
    }
    if setup.realtime_processes > 1 {
        args.extend(["--realtime-processes".to_owned(), setup.realtime_processes.to_string()]);
    }
    let mut env = payment_env(provider, secrets);
    env.extend(setup.env.iter().cloned());
    let log = data.join("logs/usher.log");
    let output = if setup.quiet { Output::File(log.clone()) } else { Output::Inherit };
    let pid_file = data.join("run/usher.pid");
    let mut usher = Child::start(&sibling("usher")?, &args, &env, &output, Some(pid_file))?;
    tokio::select! {
        ready = usher.line_with("ready http://") => if ready {
            return Ok(usher);
        },
        () = tokio::time::sleep(READY_WITHIN) => {
            usher.stop(STOP_WITHIN).await;
            bail!("usher was not ready within {} s{}", READY_WITHIN.as_secs(), tail(&log));
        }
    }
    let status = usher.wait().await;
    bail!("usher ended with {status} before it was ready{}", if setup.quiet { tail(&log) } else { String::new() });
}

/// The last lines of a log, to go behind an error.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(12).collect();
    lines.iter().rev().fold(String::new(), |all, line| format!("{all}\n    {line}"))
}

/// A program built beside this one.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let program = here.with_file_name(name);
    ensure!(program.is_file(), "{} is missing: build it first (cargo build)", program.display());
    Ok(program)
}

/// A path as an argument.
pub fn path_text(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned())
}

/// A port nobody uses now. Below those that the system gives to whoever asks for any, such as every connection that goes out: one
/// of them may be taken before ours opens it.
pub fn spare_port() -> anyhow::Result<u16> {
    let mut some = (0..100).map(|_| rand::random_range(15_000..32_000_u16));
    some.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok()).context("no spare port on 127.0.0.1")
}

fn ensure_free(port: u16) -> anyhow::Result<()> {
    // As servers bind it: a connection in TIME_WAIT is no reason to refuse.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    let free = socket.bind(&address.into()).and_then(|()| socket.listen(1));
    ensure!(free.is_ok(), "port {port} is in use: stop the program that listens there, or choose another with --port");
    Ok(())
}
