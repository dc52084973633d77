//! A sale's log as files: the keys, the heads and three lanes, byte for byte as they were published.

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

/// Bytes of one file, at most: a few million records.
const BYTES_MAX: usize = 4 << 30;
/// Lines asked for at once.
const PAGE: usize = 1_000;
/// File names, in the order of [`Files`].
const NAMES: [&str; 5] = ["keys.json", "heads.ndjson", "joins.ndjson", "pace.ndjson", "seats.ndjson"];

/// The published bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// `GET /v1/log-key`.
    pub keys: String,
    /// `GET …/log/heads`.
    pub heads: String,
    /// `GET …/log/joins`, `…/log/pace`, `…/log/seats`.
    pub lanes: [String; 3],
}

impl Files {
    fn parts(&mut self) -> [&mut String; 5] {
        let Self { keys, heads, lanes: [joins, pace, seats] } = self;
        [keys, heads, joins, pace, seats]
    }

    /// Reads a folder.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let mut files = Self::default();
        for (name, part) in NAMES.into_iter().zip(files.parts()) {
            let path = dir.join(name);
            *part = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        }
        Ok(files)
    }

    /// Writes a folder.
    pub fn write(&self, dir: &Path) -> std::io::Result<()> {
        std::fs::create_dir_all(dir)?;
        let mut files = self.clone();
        NAMES.into_iter().zip(files.parts()).try_for_each(|(name, part)| std::fs::write(dir.join(name), part))
    }

    /// Downloads the log of the sale at this address. Heads come first, so that the lanes reach as far as they say.
    pub async fn fetch(sale: &str) -> anyhow::Result<Self> {
        let sale = sale.trim_end_matches('/');
        let (base, _) = sale.split_once("/v1/sales/").context("the address of a sale ends in /v1/sales/sal_…")?;
        let client = reqwest::Client::builder().timeout(std::time::Duration::from_mins(1)).build()?;
        Ok(Self {
            keys: get(&client, &format!("{base}/v1/log-key")).await?,
            heads: pages(&client, &format!("{sale}/log/heads"), "seq").await?,
            lanes: [
                pages(&client, &format!("{sale}/log/joins"), "version").await?,
                pages(&client, &format!("{sale}/log/pace"), "version").await?,
                pages(&client, &format!("{sale}/log/seats"), "version").await?,
            ],
        })
    }
}

async fn get(client: &reqwest::Client, url: &str) -> anyhow::Result<String> {
    let answer = client.get(url).send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    if !status.is_success() {
        bail!("{url} answers {status}: {}", text.chars().take(200).collect::<String>());
    }
    Ok(text)
}

async fn pages(client: &reqwest::Client, url: &str, number: &str) -> anyhow::Result<String> {
    let (mut all, mut after) = (String::new(), 0);
    loop {
        let page = get(client, &format!("{url}?after={after}&limit={PAGE}")).await?;
        all.push_str(&page);
        ensure!(all.len() <= BYTES_MAX, "{url} has more than {BYTES_MAX} bytes");
        let Some(last) = page.lines().last() else { return Ok(all) };
        let last: serde_json::Value = serde_json::from_str(last).with_context(|| format!("{url} sent no JSON"))?;
        let last = last[number].as_i64().with_context(|| format!("{url} sent a line without {number}"))?;
        ensure!(last > after, "{url} repeats itself after {after}");
        if page.lines().count() < PAGE {
            return Ok(all);
        }
        after = last;
    }
}
