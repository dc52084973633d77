//! How many came by what, and how many of them went ahead.

use domain::order::Class;
use uuid::Uuid;

use crate::{Result, Store};

/// Reasons told at once.
const ROWS_MAX: i64 = 500;

/// A sale's entitlements in numbers, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryTally {
    /// Codes made.
    pub codes: u64,
    /// In how many places they may be used, together.
    pub uses_max: u64,
    /// In how many they were.
    pub uses: u64,
    /// Addresses on the list.
    pub invited: u64,
    /// By class and reason, first class first. At most 500 of them.
    pub rows: Vec<TallyRow>,
}

/// Places of one class and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyRow {
    /// Their class.
    pub class: Class,
    /// Of the list or the code; empty for those who came like anybody.
    pub reason: String,
    /// How many joined.
    pub joined: u64,
    /// How many of them were let in.
    pub admitted: u64,
}

impl Store {
    /// A sale's entitlements in numbers.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn entry_tally(&self, sale: Uuid) -> Result<EntryTally> {
        let mut tx = self.pool.begin().await?;
        sqlx::query("set transaction isolation level repeatable read, read only").execute(&mut *tx).await?;
        let (codes, uses_max, uses, invited): (i64, i64, i64, i64) = sqlx::query_as(
            "select count(*), coalesce(sum(uses_max), 0)::bigint, coalesce(sum(uses), 0)::bigint,
                    (select count(*) from invitation where sale = $1)
             from access_code where sale = $1",
        )
        .bind(sale)
        .fetch_one(&mut *tx)
        .await?;
        let rows: Vec<(i16, String, i64, i64)> = sqlx::query_as(
            "select p.class, coalesce(e.reason, '') as reason, count(*), count(p.admitted_at)
             from place p left join entitlement e on e.place = p.id where p.sale = $1
             group by 1, 2 order by 1, 3 desc, 2 limit $2",
        )
        .bind(sale)
        .bind(ROWS_MAX)
        .fetch_all(&mut *tx)
        .await?;
        tx.rollback().await?;
        let row = |(class, reason, joined, admitted): (i16, String, i64, i64)| TallyRow {
            class: Class(class as u8),
            reason,
            joined: joined as u64,
            admitted: admitted as u64,
        };
        Ok(EntryTally {
            codes: codes as u64,
            uses_max: uses_max as u64,
            uses: uses as u64,
            invited: invited as u64,
            rows: rows.into_iter().map(row).collect(),
        })
    }
}
