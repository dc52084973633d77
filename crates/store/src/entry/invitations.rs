//! A sale's list of invited people.

use domain::order::Class;
use uuid::Uuid;

use super::SecretHash;
use crate::{Result, Store};

/// Invitations written per statement.
const CHUNK: usize = 5_000;

/// Somebody invited, by a keyed hash of the e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Of the address in its normal form.
    pub hash: SecretHash,
    /// 1 to 9; smaller goes first.
    pub class: Class,
    /// Why.
    pub reason: String,
}

impl Store {
    /// Puts people on a sale's list. Who is on it already gets the class and reason given now; places keep theirs. The hashes
    /// must differ.
    ///
    /// # Errors
    /// When Postgres is away; nothing was changed then.
    pub async fn invite(&self, sale: Uuid, account: Uuid, invitations: &[Invitation]) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        for chunk in invitations.chunks(CHUNK) {
            sqlx::query(
                "insert into invitation (sale, hash, class, reason, made_by)
                 select $1, u.hash, u.class, u.reason, $2 from unnest($3::bytea[], $4::smallint[], $5::text[]) as u(hash, class, reason)
                 order by u.hash
                 on conflict (sale, hash) do update
                     set class = excluded.class, reason = excluded.reason, made_by = excluded.made_by, made_at = excluded.made_at",
            )
            .bind(sale)
            .bind(account)
            .bind(chunk.iter().map(|one| &one.hash[..]).collect::<Vec<_>>())
            .bind(chunk.iter().map(|one| i16::from(one.class.0)).collect::<Vec<_>>())
            .bind(chunk.iter().map(|one| one.reason.clone()).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        }
        Ok(tx.commit().await?)
    }
}
