//! A sale's draw as the stores keep it: committed, closed, drawn, in this order, each once, by the holder of the pacing lease.

use serde_json::json;
use sqlx::Row as _;
use uuid::Uuid;

use crate::feed::{Change, Lane, LaneKind, record};
use crate::leases::Lease;
use crate::{Result, Store, StoreError};

/// A statement and its signature, as the bytes that are published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The statement.
    pub json: Vec<u8>,
    /// Its signature.
    pub sig: Vec<u8>,
}

/// A sale's draw as far as it is.
#[derive(Clone, PartialEq, Eq)]
pub struct DrawRow {
    /// The secret committed to. Not to be shown before the draw.
    pub secret: [u8; 32],
    /// The commitment.
    pub commitment: Published,
    /// The roster's statement and the hash of its file, once the lobby is closed.
    pub roster: Option<(Published, [u8; 32])>,
    /// How many entries the roster has; 0 before.
    pub size: i64,
    /// The beacon's signature, once it is known.
    pub beacon: Option<Vec<u8>>,
    /// The draw's statement and its seed, once it was made.
    pub draw: Option<(Published, [u8; 32])>,
}

impl std::fmt::Debug for DrawRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DrawRow").field("size", &self.size).finish_non_exhaustive()
    }
}

/// What a draw is called and when its lobby closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrawSale {
    /// The sale's name.
    pub name: String,
    /// The event's name.
    pub event_name: String,
    /// When the lobby closes.
    pub closes_at_ms: i64,
    /// Whether it takes public randomness.
    pub beacon: bool,
    /// How many seconds after the randomness was due the draw goes on without it; nothing for never.
    pub unprovable_after_s: Option<u32>,
    /// Postgres's clock.
    pub now_ms: i64,
}

impl Store {
    /// What is written about a sale that draws.
    ///
    /// # Errors
    /// When Postgres is away or there is no such sale.
    pub async fn draw_sale(&self, sale: Uuid) -> Result<DrawSale> {
        type Row = (String, String, i64, bool, Option<i32>, i64);
        let (name, event_name, closes_at_ms, beacon, after_s, now_ms): Row = sqlx::query_as(
            "select s.name, e.name, to_ms(s.opens_at), s.beacon, s.unprovable_after_s, to_ms(clock_timestamp())
             from sale s join event e on e.id = s.event where s.id = $1",
        )
        .bind(sale)
        .fetch_one(&self.pool)
        .await?;
        let unprovable_after_s = after_s.map(i32::cast_unsigned);
        Ok(DrawSale { name, event_name, closes_at_ms, beacon, unprovable_after_s, now_ms })
    }

    /// The draw of a sale; nothing before its commitment.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn draw(&self, sale: Uuid) -> Result<Option<DrawRow>> {
        let row = sqlx::query(
            "select secret, commitment_json, commitment_sig, roster_json, roster_sig, roster_hash, size, beacon, draw_json,
                    draw_sig, seed
             from draw where sale = $1",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let bytes = |name: &str| row.try_get::<Option<Vec<u8>>, _>(name);
        let published = |name: &str| -> Result<Option<Published>> {
            let (json, sig) = (bytes(&format!("{name}_json"))?, bytes(&format!("{name}_sig"))?);
            Ok(json.zip(sig).map(|(json, sig)| Published { json, sig }))
        };
        let hash = |name: &str| -> Result<Option<[u8; 32]>> {
            let corrupt = |_| StoreError::Corrupt(format!("{name} of the draw of {sale}"));
            bytes(name)?.map(TryInto::try_into).transpose().map_err(corrupt)
        };
        let missing = || StoreError::Corrupt(format!("the draw of {sale} has no commitment"));
        Ok(Some(DrawRow {
            secret: hash("secret")?.ok_or_else(missing)?,
            commitment: published("commitment")?.ok_or_else(missing)?,
            roster: published("roster")?.zip(hash("roster_hash")?),
            size: row.try_get::<Option<i64>, _>("size")?.unwrap_or(0),
            beacon: bytes("beacon")?,
            draw: published("draw")?.zip(hash("seed")?),
        }))
    }

    /// Commits to a secret, if the sale still draws: whoever edits that holds its row. One commitment per sale: a second one
    /// changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the lease's term is over; when Postgres is away.
    pub async fn commit_draw(&self, lease: &Lease, secret: &[u8; 32], commitment: &Published) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, lease).await?;
        sqlx::query(
            "insert into draw (sale, secret, commitment_json, commitment_sig)
             select id, $2, $3, $4 from sale where id = $1 and ordering <> 'fifo' and lobby_opens_at is not null for share
             on conflict do nothing",
        )
        .bind(lease.scope)
        .bind(secret.as_slice())
        .bind(&commitment.json)
        .bind(&commitment.sig)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Closes the lobby, if it is time and no join has found it closed yet. Answers how many entries it has; nothing before.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn close_lobby(&self, sale: Uuid) -> Result<Option<i64>> {
        let mut tx = self.pool.begin().await?;
        // A later statement than the lock sees the time after every join that came before.
        sqlx::query("select from line where sale = $1 for no key update").bind(sale).execute(&mut *tx).await?;
        let size: Option<i64> = sqlx::query_scalar(
            "update line l set lobby_size = coalesce(lobby_size, next_entry - 1) from sale s
             where l.sale = $1 and s.id = l.sale and s.opens_at <= clock_timestamp() returning lobby_size",
        )
        .bind(sale)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(size)
    }

    /// The places with the entries from `first` to `last`, in order.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn places_by_entry(&self, sale: Uuid, first: i64, last: i64) -> Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar("select id from place where sale = $1 and entry between $2 and $3 order by entry")
            .bind(sale)
            .bind(first)
            .bind(last)
            .fetch_all(&self.pool)
            .await?)
    }

    /// Fixes the roster. One per sale: a second one changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the lease's term is over; when Postgres is away.
    pub async fn fix_roster(&self, lease: &Lease, size: i64, roster: &Published, hash: &[u8; 32]) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, lease).await?;
        sqlx::query(
            "update draw set roster_json = $2, roster_sig = $3, roster_hash = $4, size = $5 where sale = $1 and roster_json is null",
        )
        .bind(lease.scope)
        .bind(&roster.json)
        .bind(&roster.sig)
        .bind(hash.as_slice())
        .bind(size)
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Keeps the beacon's signature, which the caller has verified.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn keep_beacon(&self, sale: Uuid, signature: &[u8]) -> Result<()> {
        sqlx::query("update draw set beacon = $2 where sale = $1 and beacon is null")
            .bind(sale)
            .bind(signature)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Keeps a signature that an operator carried in and the caller has verified; the audit log's line comes first. Answers whether
    /// it was still missing.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn carry_beacon(
        &self,
        sale: Uuid,
        account: Uuid,
        round: u64,
        signature: &[u8],
        reason: &str,
    ) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("insert into audit (sale, account, action, reason, change) values ($1, $2, 'draw.beacon', $3, $4)")
            .bind(sale)
            .bind(account)
            .bind(reason)
            .bind(json!({"round": round, "signature": hex::encode(signature)}))
            .execute(&mut *tx)
            .await?;
        let kept = sqlx::query("update draw set beacon = $2 where sale = $1 and beacon is null and drawn_at is null")
            .bind(sale)
            .bind(signature)
            .execute(&mut *tx)
            .await?;
        if kept.rows_affected() == 0 {
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    /// The flip: the lobby has its numbers, all at once. One per sale: a second one changes nothing, and answers so; nor does one
    /// that was made with another beacon's signature, or without, than is kept by now.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the lease's term is over; when Postgres is away.
    pub async fn flip_draw(
        &self,
        lease: &Lease,
        event: Uuid,
        draw: &Published,
        seed: &[u8; 32],
        beacon: Option<&[u8]>,
    ) -> Result<bool> {
        let sale = lease.scope;
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, lease).await?;
        let size: Option<i64> = sqlx::query_scalar(
            "update draw set draw_json = $2, draw_sig = $3, seed = $4, drawn_at = clock_timestamp()
             where sale = $1 and drawn_at is null and roster_json is not null and beacon is not distinct from $5 returning size",
        )
        .bind(sale)
        .bind(&draw.json)
        .bind(&draw.sig)
        .bind(seed.as_slice())
        .bind(beacon)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(size) = size else { return Ok(false) };
        let lane = Lane { scope: sale, kind: LaneKind::Pace };
        let record = record(&mut tx, lane, vec![Change::Drawn { size, seed: *seed }]).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(true)
    }
}
