//! What is read beside the writer: objects by identifier, lists, and what is due.

use sqlx::{Row as _, SqlitePool};

use crate::machine::Intent;

/// A page of a list, newest first, by identifier.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// How many, at most.
    pub limit: i64,
    /// Only those made before this one.
    pub starting_after: Option<String>,
    /// Only those made at or after this second.
    pub created_gte: Option<i64>,
    /// Only those made before this second.
    pub created_lt: Option<i64>,
}

impl Page {
    /// The same page with one more, to see whether the list goes on.
    #[must_use]
    pub fn one_more(&self) -> Self {
        Self { limit: self.limit + 1, ..self.clone() }
    }

    /// The identifiers between which the page lies: below the first, from the second on.
    fn bounds(&self, prefix: &str) -> (String, String) {
        // Identifiers begin with their millisecond, so a time is a bound on them.
        let at = |seconds: i64| format!("{prefix}_{:012x}", seconds.clamp(0, 1 << 38) * 1000);
        let end = self.created_lt.map_or_else(|| format!("{prefix}_g"), at);
        let before = self.starting_after.clone().map_or(end.clone(), |after| after.min(end));
        (before, self.created_gte.map_or_else(String::new, at))
    }
}

/// A delivery whose time has come.
#[derive(Debug, Clone)]
pub struct DueDelivery {
    /// Its row.
    pub seq: i64,
    /// The endpoint's identifier.
    pub endpoint: String,
    /// How often it was tried.
    pub attempt: u32,
    /// `evt_…`
    pub event: String,
    /// The bytes to send.
    pub body: String,
}

/// The readers.
#[derive(Debug, Clone)]
pub struct Reads(SqlitePool);

impl Reads {
    pub(super) const fn new(pool: SqlitePool) -> Self {
        Self(pool)
    }

    /// One intent.
    pub async fn intent(&self, id: &str) -> anyhow::Result<Option<Intent>> {
        let doc = self.doc("SELECT doc FROM intents WHERE id = ?1", id).await?;
        Ok(doc.map(|doc| serde_json::from_str(&doc)).transpose()?)
    }

    /// A page of intents.
    pub async fn intents(&self, page: &Page) -> anyhow::Result<Vec<Intent>> {
        let sql = "SELECT doc FROM intents WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3";
        let (before, from) = page.bounds("pi");
        let docs: Vec<String> =
            sqlx::query_scalar(sql).bind(before).bind(from).bind(page.limit).fetch_all(&self.0).await?;
        Ok(docs.iter().map(|doc| serde_json::from_str(doc)).collect::<Result<_, _>>()?)
    }

    /// One refund, as JSON.
    pub async fn refund(&self, id: &str) -> anyhow::Result<Option<String>> {
        self.doc("SELECT doc FROM refunds WHERE id = ?1", id).await
    }

    /// A page of refunds, as JSON: of one intent or of all.
    pub async fn refunds(&self, intent: Option<&str>, page: &Page) -> anyhow::Result<Vec<String>> {
        let sql = match intent {
            Some(_) => "SELECT doc FROM refunds WHERE intent = ?4 AND id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3",
            None => "SELECT doc FROM refunds WHERE id < ?1 AND id >= ?2 ORDER BY id DESC LIMIT ?3",
        };
        let (before, from) = page.bounds("re");
        let query = sqlx::query_scalar(sql).bind(before).bind(from).bind(page.limit);
        let query = if let Some(intent) = intent { query.bind(intent.to_owned()) } else { query };
        Ok(query.fetch_all(&self.0).await?)
    }

    /// One event, as JSON.
    pub async fn event(&self, id: &str) -> anyhow::Result<Option<String>> {
        self.doc("SELECT body FROM events WHERE id = ?1", id).await
    }

    /// A page of events, as JSON: of one type or of all.
    pub async fn events(&self, kind: Option<&str>, page: &Page) -> anyhow::Result<Vec<String>> {
        let sql = "SELECT body FROM events WHERE id < ?1 AND id >= ?2 AND (?4 IS NULL OR kind = ?4)
                   ORDER BY id DESC LIMIT ?3";
        let (before, from) = page.bounds("evt");
        let query = sqlx::query_scalar(sql).bind(before).bind(from).bind(page.limit).bind(kind.map(str::to_owned));
        Ok(query.fetch_all(&self.0).await?)
    }

    /// The intents whose time has come, and when the next one's will.
    pub async fn waking(&self, now_ms: i64, limit: i64) -> anyhow::Result<(Vec<String>, Option<i64>)> {
        let sql = "SELECT id FROM intents WHERE due_ms <= ?1 ORDER BY due_ms LIMIT ?2";
        let ids = sqlx::query_scalar(sql).bind(now_ms).bind(limit).fetch_all(&self.0).await?;
        let next = sqlx::query_scalar("SELECT min(due_ms) FROM intents WHERE due_ms > ?1")
            .bind(now_ms)
            .fetch_one(&self.0)
            .await?;
        Ok((ids, next))
    }

    /// The deliveries whose time has come, oldest first.
    pub async fn due(&self, now_ms: i64, limit: i64) -> anyhow::Result<Vec<DueDelivery>> {
        let sql = "SELECT d.seq, d.endpoint, d.attempt, d.event, e.body
                   FROM deliveries d JOIN events e ON e.id = d.event
                   WHERE d.due_ms <= ?1 ORDER BY d.due_ms, d.seq LIMIT ?2";
        let rows = sqlx::query(sql).bind(now_ms).bind(limit).fetch_all(&self.0).await?;
        rows.iter()
            .map(|row| {
                Ok(DueDelivery {
                    seq: row.try_get(0)?,
                    endpoint: row.try_get(1)?,
                    attempt: row.try_get(2)?,
                    event: row.try_get(3)?,
                    body: row.try_get(4)?,
                })
            })
            .collect()
    }

    /// When the next delivery after now is due.
    pub async fn next_due_ms(&self, now_ms: i64) -> anyhow::Result<Option<i64>> {
        let sql = "SELECT min(due_ms) FROM deliveries WHERE due_ms > ?1";
        Ok(sqlx::query_scalar(sql).bind(now_ms).fetch_one(&self.0).await?)
    }

    async fn doc(&self, sql: &'static str, id: &str) -> anyhow::Result<Option<String>> {
        Ok(sqlx::query_scalar(sql).bind(id.to_owned()).fetch_optional(&self.0).await?)
    }
}
