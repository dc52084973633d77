//! What the door needs to know of a sale, without locking anything.

use uuid::Uuid;

use crate::entry::Entry;
use crate::{Result, Store};

/// What the door needs to know of a published sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleSettings {
    /// The event.
    pub event: Uuid,
    /// Who may join.
    pub entry: Entry,
    /// Tickets per place, at most.
    pub party_max: u8,
    /// When it closes.
    pub closes_at_ms: i64,
    /// The tiers' codes; the index is the tier.
    pub tiers: Vec<String>,
}

impl Store {
    /// What the door needs to know of a sale; nothing if it is not published.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sale_settings(&self, sale: Uuid) -> Result<Option<SaleSettings>> {
        let row: Option<(Uuid, String, i16, i64, Vec<String>)> = sqlx::query_as(
            "select s.event, s.entry, s.party_max, to_ms(s.closes_at),
                    array(select code from tier t where t.event = s.event order by t.tier)
             from sale s where s.id = $1 and s.published",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(event, entry, party_max, closes_at_ms, tiers)| SaleSettings {
            event,
            entry: Entry::parse(&entry),
            party_max: party_max as u8,
            closes_at_ms,
            tiers,
        }))
    }

    /// Which of these fans a join would give the place they already have, whatever the sale's windows say.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn fans_with_place(&self, sale: Uuid, fans: &[Uuid]) -> Result<Vec<Uuid>> {
        Ok(sqlx::query_scalar(
            "select distinct p.fan from place p join sale s on s.id = p.sale
             where p.sale = $1 and p.fan = any($2) and (p.ended_at is null or not s.rejoin)",
        )
        .bind(sale)
        .bind(fans)
        .fetch_all(&self.pool)
        .await?)
    }

    /// How many live places a sale has.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn live_places(&self, sale: Uuid) -> Result<u64> {
        let live: i64 = sqlx::query_scalar("select count(*) from place where sale = $1 and ended_at is null")
            .bind(sale)
            .fetch_one(&self.pool)
            .await?;
        Ok(live as u64)
    }

    /// The version of a sale's joins lane.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn joins_version(&self, sale: Uuid) -> Result<i64> {
        let version: Option<i64> = sqlx::query_scalar("select version from lane where scope = $1 and kind = 'joins'")
            .bind(sale)
            .fetch_optional(&self.pool)
            .await?;
        Ok(version.unwrap_or(0))
    }
}
