//! The statements of one batch. Each takes any number of rows as one JSON array, so that a batch of
//! a thousand operations costs as many statements as a batch of one, and all of them stay prepared.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::{Row as _, Sqlite, SqliteConnection, Transaction};

use crate::desk::{Desk, Endpoint};
use crate::machine::Intent;

/// An earlier answer.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub hash: String,
    pub status: u16,
    pub body: String,
}

/// What could go wrong underneath.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error(transparent)]
    Sql(#[from] sqlx::Error),
    #[error("a row cannot be read: {0}")]
    Corrupt(#[from] serde_json::Error),
}

const KEPT: &str = "SELECT key, hash, status, body FROM idempotency WHERE key IN (SELECT value FROM json_each(?1))";
const INTENTS: &str = "SELECT doc FROM intents WHERE id IN (SELECT value FROM json_each(?1))";
const SAVE_INTENTS: &str = "INSERT INTO intents (id, due_ms, doc)
    SELECT value->>0, value->>1, value->>2 FROM json_each(?1) WHERE true
    ON CONFLICT (id) DO UPDATE SET due_ms = excluded.due_ms, doc = excluded.doc";
const SAVE_REFUNDS: &str = "INSERT INTO refunds (id, intent, doc)
    SELECT value->>0, value->>1, value->>2 FROM json_each(?1)";
const SAVE_EVENTS: &str = "INSERT INTO events (id, kind, body)
    SELECT value->>0, value->>1, value->>2 FROM json_each(?1)";
const SAVE_DELIVERIES: &str = "INSERT INTO deliveries (event, endpoint, due_ms)
    SELECT value->>0, value->>1, value->>2 FROM json_each(?1)";
const SAVE_KEPT: &str = "INSERT INTO idempotency (key, hash, status, body)
    SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(?1)";
const SETTLE: &str = "DELETE FROM deliveries WHERE seq IN (SELECT value FROM json_each(?1))";
const POSTPONE: &str = "UPDATE deliveries SET attempt = attempt + 1, due_ms = retry.value->>1
    FROM json_each(?1) AS retry WHERE deliveries.seq = retry.value->>0";

pub(super) async fn kept(conn: &mut SqliteConnection, keys: &[&str]) -> Result<HashMap<String, Kept>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(KEPT).bind(serde_json::to_string(keys)?).fetch_all(conn).await?;
    let mut kept = HashMap::with_capacity(rows.len());
    for row in rows {
        kept.insert(row.try_get(0)?, Kept { hash: row.try_get(1)?, status: row.try_get(2)?, body: row.try_get(3)? });
    }
    Ok(kept)
}

pub(super) async fn intents(conn: &mut SqliteConnection, ids: &[&str]) -> Result<Vec<Intent>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query_scalar::<_, String>(INTENTS).bind(serde_json::to_string(ids)?).fetch_all(conn).await?;
    rows.iter().map(|doc| Ok(serde_json::from_str(doc)?)).collect()
}

pub(super) async fn endpoints(conn: &mut SqliteConnection) -> Result<Vec<Endpoint>, StoreError> {
    let rows = sqlx::query_scalar::<_, String>("SELECT doc FROM endpoints ORDER BY id").fetch_all(conn).await?;
    rows.iter().map(|doc| Ok(serde_json::from_str(doc)?)).collect()
}

/// The newest identifier of any kind: new ones must be above it.
pub(super) async fn newest_ids(conn: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT max(id) FROM intents UNION ALL SELECT max(id) FROM refunds UNION ALL SELECT max(id) FROM events";
    let rows = sqlx::query_scalar::<_, Option<String>>(sql).fetch_all(conn).await?;
    Ok(rows.into_iter().flatten().collect())
}

/// Writes everything that the desk noted, and the answers to be kept.
pub(super) async fn save(
    tx: &mut Transaction<'_, Sqlite>,
    desk: &Desk<'_>,
    answers: &HashMap<String, Kept>,
) -> Result<(), StoreError> {
    let mut changed = Vec::with_capacity(desk.changed.len());
    for id in &desk.changed {
        let intent = &desk.intents[id];
        changed.push((id, intent.later.map(|(at_ms, _)| at_ms), serde_json::to_string(intent)?));
    }
    put(tx, SAVE_INTENTS, &changed).await?;
    let mut refunds = Vec::with_capacity(desk.refunds.len());
    for refund in &desk.refunds {
        refunds.push((&refund.id, &refund.payment_intent, serde_json::to_string(refund)?));
    }
    put(tx, SAVE_REFUNDS, &refunds).await?;
    let events: Vec<_> = desk.events.iter().map(|e| (&e.id, e.kind, &e.body)).collect();
    put(tx, SAVE_EVENTS, &events).await?;
    let deliveries: Vec<_> = desk.deliveries.iter().map(|d| (&d.event, &d.endpoint, d.due_ms)).collect();
    put(tx, SAVE_DELIVERIES, &deliveries).await?;
    let answers: Vec<_> = answers.iter().map(|(key, kept)| (key, &kept.hash, kept.status, &kept.body)).collect();
    put(tx, SAVE_KEPT, &answers).await?;
    let done: Vec<i64> = desk.settled.iter().filter(|s| s.retry_at_ms.is_none()).map(|s| s.seq).collect();
    put(tx, SETTLE, &done).await?;
    let again: Vec<_> = desk.settled.iter().filter_map(|s| Some((s.seq, s.retry_at_ms?))).collect();
    put(tx, POSTPONE, &again).await?;
    if desk.endpoints_changed {
        sqlx::query("DELETE FROM endpoints").execute(&mut **tx).await?;
        for endpoint in &desk.endpoints {
            sqlx::query("INSERT INTO endpoints (id, doc) VALUES (?1, ?2)")
                .bind(&endpoint.id)
                .bind(serde_json::to_string(endpoint)?)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

async fn put<T: Serialize>(tx: &mut Transaction<'_, Sqlite>, sql: &'static str, rows: &[T]) -> Result<(), StoreError> {
    if !rows.is_empty() {
        sqlx::query(sql).bind(serde_json::to_string(rows)?).execute(&mut **tx).await?;
    }
    Ok(())
}
