//! The payment provider: kept running on one port over one store, whatever ends it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::child::{Child, Output};
use super::secrets::Secrets;
use super::{path_text, sibling, spare_port};

const READY_WITHIN: Duration = Duration::from_secs(20);

/// The provider and what keeps it running.
#[derive(Debug)]
pub struct PaymentMock {
    port: u16,
    /// Dropped, it stops the process too, and nothing starts it again.
    stop: DropGuard,
    keeper: JoinHandle<()>,
}

/// How to start it. Cannot be printed: the variables are its secrets.
struct Recipe {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    log: PathBuf,
    pid_file: PathBuf,
}

impl Recipe {
    async fn start(&self) -> anyhow::Result<Child> {
        let output = Output::File(self.log.clone());
        let mut child = Child::start(&self.program, &self.args, &self.env, &output, Some(self.pid_file.clone()))?;
        match tokio::time::timeout(READY_WITHIN, child.line_with("ready ")).await {
            Ok(true) => Ok(child),
            Ok(false) => {
                bail!("payment-mock ended with {} before it was ready; see {}", child.wait().await, self.log.display())
            }
            Err(_) => {
                child.stop(Duration::from_secs(1)).await;
                bail!("payment-mock was not ready in time; see {}", self.log.display())
            }
        }
    }
}

impl PaymentMock {
    /// Starts it; webhooks go to `webhook_url`.
    pub async fn start(data: &Path, secrets: &Secrets, webhook_url: &str) -> anyhow::Result<Self> {
        let port = spare_port()?;
        let store = data.join("payment-mock");
        std::fs::create_dir_all(&store)?;
        let args =
            ["--listen", &format!("127.0.0.1:{port}"), "--data", &path_text(&store)?, "--webhook-url", webhook_url];
        let recipe = Recipe {
            program: sibling("payment-mock")?,
            args: args.map(str::to_owned).to_vec(),
            env: vec![
                ("PAYMENT_MOCK_SECRET_KEY".to_owned(), secrets.payment_key.clone()),
                ("PAYMENT_MOCK_WEBHOOK_SECRET".to_owned(), secrets.webhook_secret.clone()),
            ],
            log: data.join("logs/payment-mock.log"),
            pid_file: data.join("run/payment-mock.pid"),
        };
        let child = recipe.start().await.context("cannot start the payment provider")?;
        let stop = CancellationToken::new();
        let keeper = TaskTracker::new().spawn(keep(recipe, child, stop.clone()));
        Ok(Self { port, stop: stop.drop_guard(), keeper })
    }

    /// Its API.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Stops it for good.
    pub async fn stop(self) {
        drop(self.stop);
        // A keeper that panicked has nothing left to stop.
        let _ = self.keeper.await;
    }
}

async fn keep(recipe: Recipe, mut child: Child, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                child.stop(Duration::from_secs(10)).await;
                return;
            }
            status = child.wait() => eprintln!("loadgen: payment-mock ended with {status}; starting it again"),
        }
        child = loop {
            match recipe.start().await {
                Ok(child) => break child,
                Err(fault) => eprintln!("loadgen: {fault:#}"),
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(300)) => {}
            }
        };
    }
}
