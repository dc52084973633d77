//! A sale's list of invited people.

use std::collections::BTreeMap;

use domain::order::Class;
use serde_json::json;
use uuid::Uuid;

use super::SecretHash;
use crate::events::audit;
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
        let mut classes: BTreeMap<u8, usize> = BTreeMap::new();
        for one in invitations {
            *classes.entry(one.class.0).or_default() += 1;
        }
        let change = json!({"addresses": invitations.len(), "by_class": classes});
        audit(&mut tx, sale, account, "invitation.import", change).await?;
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

    /// Takes an invitation back. Who joined by it stays, with the class it gave. Answers whether the address was on the list.
    ///
    /// # Errors
    /// When Postgres is away; nothing was changed then.
    pub async fn uninvite(&self, sale: Uuid, account: Uuid, hash: &SecretHash) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let known: Option<(i16, String)> =
            sqlx::query_as("select class, reason from invitation where sale = $1 and hash = $2 for update")
                .bind(sale)
                .bind(&hash[..])
                .fetch_optional(&mut *tx)
                .await?;
        let Some((class, reason)) = known else { return Ok(false) };
        audit(&mut tx, sale, account, "invitation.withdraw", json!({"class": class, "reason": reason})).await?;
        sqlx::query("delete from invitation where sale = $1 and hash = $2")
            .bind(sale)
            .bind(&hash[..])
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}
