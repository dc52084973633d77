//! A made-up draw for documents, vectors and tests: the same bytes for the same words.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use domain::draw::{
    AcknowledgedBatch, Chain, Drawing, Hex, LocalChain, Rule, Sale, Secret, Signer, close, commit, merkle,
    write_numbers, write_roster,
};
use uuid::Uuid;

/// Quicknet's round 1000, and when it was made: 23 August 2023, 15:59:24 UTC.
const ROUND_MS: i64 = 1_692_806_364_000;
const ROUND_1000: &str =
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39";
/// Seconds from the lobby's close to the earliest round.
const DELAY_S: u32 = 60;

/// Sizes of the batches acknowledged in an example.
const BATCHES: [i64; 5] = [1, 2, 3, 7, 1_000];

/// Where the example's randomness comes from.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Beacon {
    /// A round that drand published.
    Quicknet,
    /// A chain whose key is made from the seed; proves nothing.
    Local,
    /// None; proves nothing.
    None,
}

/// What to write.
#[derive(Debug, Args)]
pub struct Example {
    /// The folder; made if it is missing.
    dir: PathBuf,
    /// How many entries the lobby has.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=100_000_000))]
    entries: u32,
    /// What the secret, the places and the signing key are made from.
    #[arg(long, default_value = "example")]
    seed: String,
    /// Where the randomness comes from.
    #[arg(long, value_enum, default_value = "quicknet")]
    beacon: Beacon,
    /// Also write acknowledgements of entries into this folder: of batches of several sizes, and two of fans who were left out.
    #[arg(long)]
    acknowledged: Option<PathBuf>,
}

impl Example {
    /// Writes the eight files.
    pub fn write(&self) -> anyhow::Result<ExitCode> {
        fs::create_dir_all(&self.dir).with_context(|| format!("cannot make {}", self.dir.display()))?;
        let bytes = |what: &str| merkle::leaf_hash(format!("usher draw example\n{}\n{what}", self.seed).as_bytes());
        let signer = Signer::from_seed(&bytes("signer"), &Hex(bytes("key id")).to_string()[..16]);
        let secret = Secret(bytes("secret"));
        let local =
            LocalChain::new("example", &bytes("chain"), Chain::quicknet().genesis_s, Chain::quicknet().period_s);
        let published = Hex::<48>::parse(ROUND_1000).context("a literal")?.0;
        let (chain, signature) = match self.beacon {
            Beacon::Quicknet => (Some(Chain::quicknet()), Some(published)),
            Beacon::Local => (Some(local.chain().clone()), Some(local.sign(1_000))),
            Beacon::None => (None, None),
        };
        let closed_ms = ROUND_MS - i64::from(DELAY_S) * 1_000 - 1_500;
        let sale = Sale::new(place(closed_ms - 86_400_000, bytes("sale")), "General sale", "Usher's Example Concert");
        let opened_ms = closed_ms - 3_600_000;
        let rule = chain.map(|chain| Rule { chain, delay_s: DELAY_S, unprovable_after_s: None });
        let before = commit(sale.clone(), &secret, opened_ms, rule, &signer);

        let joined_ms = |entry: i64| opened_ms + entry * 3_600_000 / (i64::from(self.entries) + 1);
        let given = |entry: i64| place(joined_ms(entry), bytes(&format!("place {entry}")));
        if let Some(folder) = &self.acknowledged {
            self.acknowledge(folder, &sale.id, joined_ms, given, &signer)?;
        }
        let places = (1..=i64::from(self.entries)).map(given);
        let mut list = self.file("roster.txt")?;
        let (roster, roster_txt) = write_roster(places, &mut list)?;
        list.flush()?;
        let after = close(sale, &roster, closed_ms, closed_ms + 800, &signer);
        let drawing = Drawing {
            commitment: &before,
            roster: &after,
            roster_txt,
            secret: &secret,
            beacon_signature: signature.as_ref().map(<[u8; 48]>::as_slice),
            now_ms: ROUND_MS + 1_200,
        };
        let (numbers, draw) = drawing.draw(&signer)?;
        let mut list = self.file("numbers.txt")?;
        write_numbers(&numbers, &mut list)?;
        list.flush()?;
        for (name, bytes) in [
            ("commitment.json", &before.json),
            ("commitment.sig", &before.sig),
            ("roster.json", &after.json),
            ("roster.sig", &after.sig),
            ("draw.json", &draw.json),
            ("draw.sig", &draw.sig),
        ] {
            fs::write(self.dir.join(name), bytes).with_context(|| format!("cannot write {name}"))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// `batch-N.json` is of the middle of N entries, one batch after the other; `left-out.json` is of entry 1 with a place that the
    /// roster has not, `beyond.json` of an entry after its last.
    fn acknowledge(
        &self,
        folder: &Path,
        sale: &str,
        joined_ms: impl Fn(i64) -> i64,
        given: impl Fn(i64) -> Uuid,
        signer: &Signer,
    ) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let sale = Uuid::try_parse(sale.trim_start_matches("sal_"))?;
        let write = |name: &str, places: &[(i64, Uuid)], entry: i64| -> anyhow::Result<()> {
            let last = places.last().map_or(1, |(last, _)| *last);
            let batch = AcknowledgedBatch::sign(sale, places.iter().copied(), joined_ms(last), signer);
            let own = batch.and_then(|batch| batch.of(entry)).context("the entry is one of the batch")?;
            let json = serde_json::to_string_pretty(&own)? + "\n";
            fs::write(folder.join(name), json).with_context(|| format!("cannot write {name}"))
        };
        let (mut first, size) = (1, i64::from(self.entries));
        for batch in BATCHES.into_iter().filter(|batch| *batch <= size) {
            let last = size.min(first + batch - 1);
            let places: Vec<(i64, Uuid)> = (first..=last).map(|entry| (entry, given(entry))).collect();
            write(&format!("batch-{batch}.json"), &places, first + (last - first) / 2)?;
            first = if last == size { 1 } else { last + 1 };
        }
        write("left-out.json", &[(1, given(0)), (2, given(2))], 1)?;
        write("beyond.json", &[(size, given(size)), (size + 1, given(size + 1))], size + 1)
    }

    fn file(&self, name: &str) -> anyhow::Result<BufWriter<File>> {
        let path = self.dir.join(name);
        Ok(BufWriter::new(File::create(&path).with_context(|| format!("cannot write {}", path.display()))?))
    }
}

/// An identifier with a time and made-up bits.
fn place(time_ms: i64, bits: [u8; 32]) -> Uuid {
    let bits = bits.first_chunk().expect("32 bytes have ten");
    uuid::Builder::from_unix_timestamp_millis(time_ms as u64, bits).into_uuid()
}
