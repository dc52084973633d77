//! A sale's access codes: made, imported, listed and ended.

use domain::order::Class;
use serde_json::json;
use uuid::Uuid;

use super::SecretHash;
use crate::events::audit;
use crate::{Result, Store};

/// Codes written per statement.
const CHUNK: usize = 5_000;
/// Codes that one line of the audit log names, at most.
const NAMED: usize = 20;

/// A code to be made. Its words stay outside; the store sees what follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCode {
    /// The identifier that it would get.
    pub id: Uuid,
    /// The keyed hash of its normal form.
    pub hash: SecretHash,
    /// What members see of it.
    pub prefix: String,
    /// What it is for; the reason told of places that come by it.
    pub label: String,
    /// The class of those places, where the sale counts classes.
    pub class: Option<Class>,
    /// In how many places it may be used: 1 to 1,000,000.
    pub uses_max: u32,
    /// When it stops, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

/// A code as members see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeRow {
    /// Its identifier.
    pub id: Uuid,
    /// What members see of it.
    pub prefix: String,
    /// What it is for.
    pub label: String,
    /// Its class.
    pub class: Option<Class>,
    /// In how many places it may be used.
    pub uses_max: u32,
    /// In how many it was.
    pub uses: u32,
    /// When it stops, in milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

/// What came of making a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeMade {
    /// Done.
    Done,
    /// The sale has this code already.
    Exists,
}

/// What came of importing codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodesImported {
    /// How many were made.
    pub made: usize,
    /// The indices of those that the sale has already, ascending. Unless a part is enough, nothing was made if there are any.
    pub existing: Vec<usize>,
}

type CodeTuple = (Uuid, String, String, Option<i16>, i32, i32, Option<i64>);

impl Store {
    /// Makes one code.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn make_code(&self, sale: Uuid, account: Uuid, code: &NewCode) -> Result<CodeMade> {
        let done = self.import_codes(sale, account, std::slice::from_ref(code), false).await?;
        Ok(if done.made == 1 { CodeMade::Done } else { CodeMade::Exists })
    }

    /// Makes many codes, all or, if a part is enough, those that the sale has not already. Their hashes must differ.
    ///
    /// # Errors
    /// When Postgres is away; nothing was made then.
    pub async fn import_codes(
        &self,
        sale: Uuid,
        account: Uuid,
        codes: &[NewCode],
        partial: bool,
    ) -> Result<CodesImported> {
        let mut tx = self.pool.begin().await?;
        let named = |code: &NewCode| json!({"prefix": code.prefix, "label": code.label, "class": code.class.map(|class| class.0)});
        let change = json!({
            "codes": codes.len(), "partial": partial, "uses_max": codes.iter().map(|code| u64::from(code.uses_max)).sum::<u64>(),
            "first": codes.iter().take(NAMED).map(named).collect::<Vec<_>>(),
        });
        audit(&mut tx, sale, account, "code.make", change).await?;
        let mut done = CodesImported::default();
        for (nth, chunk) in codes.chunks(CHUNK).enumerate() {
            let made: Vec<Uuid> = sqlx::query_scalar(
                "insert into access_code (id, sale, hash, prefix, label, class, uses_max, expires_at, made_by)
                 select u.id, $1, u.hash, u.prefix, u.label, u.class, u.uses_max, from_ms(u.expires), $2
                 from unnest($3::uuid[], $4::bytea[], $5::text[], $6::text[], $7::smallint[], $8::integer[], $9::bigint[])
                      as u(id, hash, prefix, label, class, uses_max, expires)
                 on conflict (sale, hash) do nothing returning id",
            )
            .bind(sale)
            .bind(account)
            .bind(chunk.iter().map(|code| code.id).collect::<Vec<_>>())
            .bind(chunk.iter().map(|code| &code.hash[..]).collect::<Vec<_>>())
            .bind(chunk.iter().map(|code| code.prefix.clone()).collect::<Vec<_>>())
            .bind(chunk.iter().map(|code| code.label.clone()).collect::<Vec<_>>())
            .bind(chunk.iter().map(|code| code.class.map(|class| i16::from(class.0))).collect::<Vec<_>>())
            .bind(chunk.iter().map(|code| code.uses_max.cast_signed()).collect::<Vec<_>>())
            .bind(chunk.iter().map(|code| code.expires_at_ms).collect::<Vec<_>>())
            .fetch_all(&mut *tx)
            .await?;
            done.made += made.len();
            if made.len() < chunk.len() {
                let made: std::collections::HashSet<Uuid> = made.into_iter().collect();
                let known = chunk.iter().enumerate().filter(|(_, code)| !made.contains(&code.id));
                done.existing.extend(known.map(|(at, _)| nth * CHUNK + at));
            }
        }
        if !partial && !done.existing.is_empty() {
            done.made = 0;
            return Ok(done);
        }
        if done.made > 0 {
            tx.commit().await?;
        }
        Ok(done)
    }

    /// A sale's codes after this one, oldest first, at most `limit`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn codes(&self, sale: Uuid, after: Uuid, limit: i64) -> Result<Vec<CodeRow>> {
        let rows: Vec<CodeTuple> = sqlx::query_as(
            "select id, prefix, label, class, uses_max, uses, to_ms(expires_at) from access_code
             where sale = $1 and id > $2 order by id limit $3",
        )
        .bind(sale)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let row = |(id, prefix, label, class, uses_max, uses, expires_at_ms): CodeTuple| CodeRow {
            id,
            prefix,
            label,
            class: class.map(|class| Class(class as u8)),
            uses_max: uses_max as u32,
            uses: uses as u32,
            expires_at_ms,
        };
        Ok(rows.into_iter().map(row).collect())
    }

    /// Ends a code now: nobody joins by it any more; places that came by it stay. Answers whether the sale has it.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn end_code(&self, sale: Uuid, account: Uuid, code: Uuid) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let known: Option<(String, String)> =
            sqlx::query_as("select prefix, label from access_code where sale = $1 and id = $2 for no key update")
                .bind(sale)
                .bind(code)
                .fetch_optional(&mut *tx)
                .await?;
        let Some((prefix, label)) = known else { return Ok(false) };
        audit(&mut tx, sale, account, "code.end", json!({"code": code, "prefix": prefix, "label": label})).await?;
        sqlx::query("update access_code set expires_at = least(expires_at, clock_timestamp()) where id = $1")
            .bind(code)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}
