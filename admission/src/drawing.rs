//! The draw of a sale's lobby, step by step: a commitment when the lobby opens, the roster when it closes, the public beacon a
//! minute later, and the flip that gives everybody a number at once. Each step is kept before the next, so that whoever holds
//! the pacing lease next goes on where the last one stopped.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chassis::clock::Clock;
use contracts::draws::signing_seed;
use contracts::papers::derive;
use domain::draw::{
    self, Chain, CommitmentStatement, Drawing, LocalChain, RosterStatement, Rule, Sale, Secret, Signed, Signer,
};
use serde::{Deserialize, Serialize};
use store::draw::{DrawRow, Published};
use store::leases::Lease;
use store::{Store, StoreError};
use uuid::Uuid;

/// How often a step that waits looks again.
const LOOK: Duration = Duration::from_millis(500);
/// How many places of the roster are read at once.
const CHUNK: i64 = 20_000;
/// The demo's chain makes a round so often, in seconds.
const LOCAL_PERIOD_S: NonZeroU32 = NonZeroU32::MIN;

/// Where the randomness of draws comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beacon {
    /// drand's quicknet, read from [`DrawConfig::beacon_url`], or carried in by an operator; the draw waits for it.
    #[default]
    Quicknet,
    /// A chain of our own, for demonstrations without a network. Its draws say that they prove nothing.
    Local,
    /// No beacon. Its draws say that they prove nothing.
    None,
}

/// Settings of draws.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrawConfig {
    /// Where the randomness comes from.
    pub beacon: Beacon,
    /// A drand HTTP relay.
    pub beacon_url: String,
    /// How long after the lobby's close the beacon's round must be made, in seconds: 0 to 3,600. Long enough that the roster is
    /// out before anybody knows the round.
    pub delay_s: u32,
}

impl Default for DrawConfig {
    fn default() -> Self {
        Self { beacon: Beacon::default(), beacon_url: "https://api.drand.sh".to_owned(), delay_s: 60 }
    }
}

/// Draws the lobbies of sales.
pub struct Drawer {
    store: Store,
    clock: Clock,
    config: DrawConfig,
    signer: Arc<Signer>,
    local: LocalChain,
    http: reqwest::Client,
}

impl std::fmt::Debug for Drawer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drawer").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
enum Undone {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the beacon cannot be read: {0}")]
    Beacon(String),
    #[error("{0}")]
    Broken(String),
}

#[derive(Deserialize)]
struct BeaconReply {
    round: u64,
    signature: String,
}

impl Drawer {
    /// `secret` is the installation's: statements are signed by a key derived from it.
    ///
    /// # Errors
    /// When a setting is out of its range.
    pub fn new(config: DrawConfig, secret: &str, store: Store, clock: Clock) -> anyhow::Result<Self> {
        anyhow::ensure!(config.delay_s <= 3_600, "admission.draw.delay_s must be 0 to 3600");
        let http = reqwest::Client::builder().timeout(Duration::from_secs(3)).build()?;
        let local = LocalChain::new("local", &derive(secret, "usher local chain"), 1_577_836_800, LOCAL_PERIOD_S);
        Ok(Self { store, clock, config, signer: Arc::new(signer(secret)), local, http })
    }

    /// Draws the sale's lobby, however far it is, and ends when that is done or the lease is over: lost, given up, or not kept any
    /// more since the sale is over.
    pub async fn run(&self, event: Uuid, lease: Lease) {
        let sale = lease.scope;
        loop {
            match self.step(event, &lease).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(Undone::Store(StoreError::Moved(_))) => {
                    return tracing::info!(%sale, "the draw is not this process's any more");
                }
                Err(fault) => tracing::warn!(%sale, %fault, "the draw waits"),
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Does what can be done now. Answers whether the lobby is drawn.
    async fn step(&self, event: Uuid, lease: &Lease) -> Result<bool, Undone> {
        let sale = lease.scope;
        if !self.store.is_in_office(lease).await? {
            return Err(StoreError::Moved("the lease's term").into());
        }
        let Some(row) = self.store.draw(sale).await? else {
            self.commit(lease).await?;
            return Ok(false);
        };
        if row.draw.is_some() {
            return Ok(true);
        }
        let commitment: Signed<CommitmentStatement> = read(&row.commitment)?;
        let Some((roster, hash)) = &row.roster else {
            if let Some(size) = self.store.close_lobby(sale).await? {
                self.close(lease, &commitment, size).await?;
            }
            return Ok(false);
        };
        let roster: Signed<RosterStatement> = read(roster)?;
        if let Some(rule) = &commitment.statement.beacon
            && row.beacon.is_none()
        {
            let closed_ms = roster.statement.closed_ms;
            let fetched = self.fetch(sale, rule, closed_ms).await;
            if rule.without_beacon_from_ms(closed_ms).is_none_or(|at_ms| self.clock.now_ms() < at_ms) {
                fetched?;
                return Ok(false);
            }
            // As was said beforehand; the flip is not made if the signature came in this very moment.
            if fetched.is_ok() {
                return Ok(false);
            }
            tracing::warn!(%sale, "the draw goes on without its beacon, as was published");
        }
        self.flip(event, lease, row.clone(), commitment, roster, *hash).await
    }

    async fn commit(&self, lease: &Lease) -> Result<(), Undone> {
        let about = self.store.draw_sale(lease.scope).await?;
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| Undone::Broken("there is no randomness".to_owned()))?;
        let rule =
            |chain: Chain| Rule { chain, delay_s: self.config.delay_s, unprovable_after_s: about.unprovable_after_s };
        let beacon = match self.config.beacon {
            _ if !about.beacon => None,
            Beacon::Quicknet => Some(rule(Chain::quicknet())),
            Beacon::Local => Some(rule(self.local.chain().clone())),
            Beacon::None => None,
        };
        let sale = Sale::new(lease.scope, &about.name, &about.event_name);
        let signed = draw::commit(sale, &Secret(secret), about.now_ms, beacon, &self.signer);
        Ok(self.store.commit_draw(lease, &secret, &published(signed.json, signed.sig)).await?)
    }

    async fn close(&self, lease: &Lease, commitment: &Signed<CommitmentStatement>, size: i64) -> Result<(), Undone> {
        let mut places = Vec::with_capacity(size as usize);
        while (places.len() as i64) < size {
            let first = places.len() as i64 + 1;
            let chunk = self.store.places_by_entry(lease.scope, first, size.min(first + CHUNK - 1)).await?;
            if chunk.is_empty() {
                return Err(Undone::Broken(format!("the lobby has {size} entries and {} places", places.len())));
            }
            places.extend(chunk);
        }
        let about = self.store.draw_sale(lease.scope).await?;
        let sale = commitment.statement.sale.clone();
        let (roster, hash) = blocking(move || {
            draw::write_roster(places, &mut std::io::sink()).map_err(|fault| Undone::Broken(fault.to_string()))
        })
        .await??;
        let signed = draw::close(sale, &roster, about.closes_at_ms, about.now_ms, &self.signer);
        tracing::info!(sale = %lease.scope, size, "the lobby is closed and its roster is out");
        Ok(self.store.fix_roster(lease, size, &published(signed.json, signed.sig), &hash).await?)
    }

    /// Gets the beacon's signature, if its round is made by now.
    async fn fetch(&self, sale: Uuid, rule: &Rule, closed_ms: i64) -> Result<(), Undone> {
        let round = draw::round_after_close(&rule.chain, closed_ms, rule.delay_s);
        if self.clock.now_ms() < rule.chain.time_of_ms(round) {
            return Ok(());
        }
        let signature = if rule.chain == *self.local.chain() {
            self.local.sign(round).to_vec()
        } else {
            let url = format!("{}/{}/public/{round}", self.config.beacon_url, rule.chain.hash);
            let away = |fault: reqwest::Error| Undone::Beacon(fault.without_url().to_string());
            let reply = self.http.get(url).send().await.map_err(away)?.error_for_status().map_err(away)?;
            let reply: BeaconReply = reply.json().await.map_err(away)?;
            if reply.round != round {
                return Err(Undone::Beacon(format!("asked for round {round}, it answered with {}", reply.round)));
            }
            hex::decode(reply.signature).map_err(|fault| Undone::Beacon(fault.to_string()))?
        };
        draw::verify_beacon(&rule.chain, round, &signature).map_err(|fault| Undone::Beacon(fault.to_string()))?;
        Ok(self.store.keep_beacon(sale, &signature).await?)
    }

    async fn flip(
        &self,
        event: Uuid,
        lease: &Lease,
        row: DrawRow,
        commitment: Signed<CommitmentStatement>,
        roster: Signed<RosterStatement>,
        roster_txt: [u8; 32],
    ) -> Result<bool, Undone> {
        let now_ms = self.store.draw_sale(lease.scope).await?.now_ms;
        let size = roster.statement.size;
        let (by, beacon) = (self.signer.clone(), row.beacon.clone());
        let signed = blocking(move || {
            let drawing = Drawing {
                commitment: &commitment,
                roster: &roster,
                roster_txt,
                secret: &Secret(row.secret),
                beacon_signature: row.beacon.as_deref(),
                now_ms,
            };
            drawing.draw(&by).map_err(|fault| Undone::Broken(fault.to_string()))
        })
        .await??
        .1;
        let seed = signed.statement.seed.0;
        let flipped =
            self.store.flip_draw(lease, event, &published(signed.json, signed.sig), &seed, beacon.as_deref()).await?;
        if flipped {
            tracing::info!(sale = %lease.scope, size, provable = signed.statement.provable, "the lobby is drawn");
        }
        // If not, it was drawn before, or its beacon came meanwhile: the next look tells.
        Ok(flipped)
    }
}

/// Signs the statements of draws.
#[must_use]
pub fn signer(secret: &str) -> Signer {
    let (seed, key_id) = signing_seed(secret);
    Signer::from_seed(&seed, &key_id)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Undone> {
    tokio::task::spawn_blocking(work).await.map_err(|fault| Undone::Broken(fault.to_string()))
}

const fn published(json: Vec<u8>, sig: Vec<u8>) -> Published {
    Published { json, sig }
}

fn read<S: draw::Statement>(published: &Published) -> Result<Signed<S>, Undone> {
    Signed::read(published.json.clone(), published.sig.clone()).map_err(|fault| Undone::Broken(fault.to_string()))
}
