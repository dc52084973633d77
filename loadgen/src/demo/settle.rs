//! After the crowd: the provider's own word about every intent, the key of the tickets, and the inside's own check.

use std::collections::HashMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use chassis::clock::Clock;
use contracts::draws::DrawView;
use contracts::ids::SaleId;
use contracts::log::{Head, ToldHead};
use serde::Deserialize;

use crate::api::provider::{self, Intent};
use crate::api::{Caller, Device};
use crate::stage::{path_text, sibling};

/// Money that a provider gave back although it had been cancelled comes this long after the cancel, at most.
const AFTERMATH: Duration = Duration::from_millis(3_500);
/// How long the inside's check may take.
const VERIFY_WITHIN: Duration = Duration::from_mins(1);

/// The provider, asked with the secret key.
#[derive(Debug)]
pub struct Money {
    caller: Caller,
    api: String,
    key: String,
}

impl Money {
    /// At this address.
    pub fn new(api: &str, key: &str, clock: &Clock) -> anyhow::Result<Self> {
        let until_ms = clock.now_ms() + 120_000;
        let caller = Caller { device: Device::new(None)?, base: api.to_owned(), clock: clock.clone(), until_ms };
        Ok(Self { caller, api: api.to_owned(), key: key.to_owned() })
    }

    /// Waits, for a while, until nothing is authorised and undecided.
    pub async fn settle(&self, patience: Duration) -> anyhow::Result<()> {
        let begin = tokio::time::Instant::now();
        tokio::time::sleep(AFTERMATH).await;
        loop {
            let intents =
                provider::intents(&self.caller, &self.api, &self.key).await.context("the provider does not answer")?;
            let undecided =
                intents.iter().filter(|i| matches!(i.status.as_str(), "requires_capture" | "processing")).count();
            if undecided == 0 || begin.elapsed() > patience {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Every intent with what was given back.
    pub async fn intents(&self) -> anyhow::Result<HashMap<String, Intent>> {
        let mut intents =
            provider::intents(&self.caller, &self.api, &self.key).await.context("the provider does not answer")?;
        let refunds =
            provider::refunds(&self.caller, &self.api, &self.key).await.context("the provider does not answer")?;
        for intent in &mut intents {
            intent.amount_refunded = refunds.get(&intent.id).copied().unwrap_or(0);
        }
        Ok(intents.into_iter().map(|intent| (intent.id.clone(), intent)).collect())
    }
}

/// `GET /v1/ticket-key`.
#[derive(Debug, Deserialize)]
pub struct TicketKey {
    public_key: String,
}

impl TicketKey {
    /// The key itself.
    pub fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        B64.decode(&self.public_key).context("the ticket key is no base64url")
    }
}

/// Runs `usher verify` and tells what it found. For so long may holds have outlived their deadline.
pub async fn verify(data: &Path, env: &[(String, String)], slack_ms: i64) -> Vec<String> {
    match tokio::time::timeout(VERIFY_WITHIN, run_verify(data, env, slack_ms)).await {
        Ok(Ok(found)) => found,
        Ok(Err(fault)) => vec![format!("verify: it could not run: {fault:#}")],
        Err(_) => vec![format!("verify: no answer within {} s", VERIFY_WITHIN.as_secs())],
    }
}

async fn run_verify(data: &Path, env: &[(String, String)], slack_ms: i64) -> anyhow::Result<Vec<String>> {
    usher("verify", &["verify", "--json", "--data", &path_text(data)?, "--slack-ms", &slack_ms.to_string()], env).await
}

/// What was published of a sale, as far as fans' diaries are compared with it.
#[derive(Debug)]
pub struct Published {
    /// The numbers drawn, by entry.
    pub numbers: HashMap<i64, i64>,
    /// The heads of its log, by their numbers.
    pub heads: HashMap<i64, ToldHead>,
}

/// Fetches what was published of a sale, its log and its draw, into the folder, and has both checked as anybody can: from the
/// files alone. Answers what was published, and what was found.
pub async fn published(base: &str, sale: SaleId, folder: &Path) -> anyhow::Result<(Published, Vec<String>)> {
    let (log, draw) = (folder.join("log"), folder.join("draw"));
    let address = format!("{base}/v1/sales/{sale}");
    let mut found = usher("log", &["log", "fetch", &address, &path_text(&log)?], &[]).await?;
    found.extend(usher("log", &["log", "verify", &path_text(&log)?, "--json"], &[]).await?);
    std::fs::create_dir_all(&draw)?;
    let client = reqwest::Client::new();
    let fetch = async |name: &str| -> anyhow::Result<_> {
        Ok(client.get(format!("{address}/draw{name}")).send().await?.error_for_status()?.bytes().await?)
    };
    let view: DrawView = serde_json::from_slice(&fetch("").await?)?;
    for name in &view.files {
        std::fs::write(draw.join(name), fetch(&format!("/{name}")).await?)?;
    }
    found.extend(usher("draw", &["draw", "verify", &path_text(&draw)?, "--json"], &[]).await?);
    let lines = std::fs::read_to_string(draw.join("numbers.txt")).context("the draw's numbers are not published")?;
    let pair =
        |line: &str| line.split_once(' ').and_then(|(number, entry)| Some((entry.parse().ok()?, number.parse().ok()?)));
    let numbers = lines.lines().map(|line| pair(line).with_context(|| format!("numbers.txt has the line {line:?}")));
    let heads = std::fs::read_to_string(log.join("heads.ndjson")).context("the log's heads are not published")?;
    let heads = heads.lines().map(|line| Ok(ToldHead::from(&serde_json::from_str::<Head>(line)?)));
    let heads: anyhow::Result<Vec<ToldHead>> = heads.collect();
    let heads = heads?.into_iter().map(|head| (head.seq, head)).collect();
    Ok((Published { numbers: numbers.collect::<anyhow::Result<_>>()?, heads }, found))
}

/// Runs one of `usher`'s checks. What it found: the `violations` or `faults` in the object that it printed, if it printed one.
async fn usher(name: &str, args: &[&str], env: &[(String, String)]) -> anyhow::Result<Vec<String>> {
    let output = tokio::process::Command::new(sibling("usher")?)
        .args(args)
        .envs(env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut found = Vec::new();
    if let Some(line) = text.lines().rev().find(|line| line.starts_with('{')) {
        let answer: serde_json::Value = serde_json::from_str(line)?;
        let tell = |one: &serde_json::Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
        let listed = ["violations", "faults"].into_iter().filter_map(|list| answer[list].as_array()).flatten();
        found.extend(listed.map(|one| format!("{name}: {}", tell(one))));
    }
    if found.is_empty() && !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        found.push(format!("{name}: it ended with {} and names no violation: {}", output.status, told.trim()));
    }
    Ok(found)
}
