//! Announcements: what an operator tells everybody in a sale's line, in several languages, until it is withdrawn.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::types::Json;
use uuid::Uuid;

use crate::pace::record_sale;
use crate::{Result, Store};

/// An announcement in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnouncementNow {
    /// Since when, in milliseconds since 1970; later ones have later times.
    pub at_ms: i64,
    /// Plain texts by language tag.
    pub texts: BTreeMap<String, String>,
}

/// By language.
type Texts = BTreeMap<String, String>;

impl Store {
    /// Announces these texts to everybody in a published sale, in place of what was announced before, or withdraws that. The audit
    /// log's line comes first, in the same transaction. Answers what is in force, or nothing without such a sale.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn announce(
        &self,
        sale: Uuid,
        account: Uuid,
        texts: Option<&BTreeMap<String, String>>,
    ) -> Result<Option<Option<AnnouncementNow>>> {
        let mut tx = self.pool.begin().await?;
        let found: Option<(Uuid, Option<Json<Texts>>)> =
            sqlx::query_as("select event, announcement from sale where id = $1 and published for no key update")
                .bind(sale)
                .fetch_optional(&mut *tx)
                .await?;
        let Some((event, before)) = found else { return Ok(None) };
        let before = before.map(|before| before.0);
        if texts.is_none() && before.is_none() {
            return Ok(Some(None));
        }
        sqlx::query("insert into audit (sale, account, action, reason, change) values ($1, $2, $3, '', $4)")
            .bind(sale)
            .bind(account)
            .bind(if texts.is_some() { "sale.announce" } else { "sale.withdraw" })
            .bind(json!({"from": before, "to": texts}))
            .execute(&mut *tx)
            .await?;
        // Two within a millisecond are two all the same: pages tell them apart by their times.
        let at_ms: Option<i64> = sqlx::query_scalar(
            "update sale set announcement = $2,
                    announced_at = case when $2::jsonb is not null
                                        then greatest(clock_timestamp(), announced_at + interval '1 ms') end
             where id = $1 returning to_ms(announced_at)",
        )
        .bind(sale)
        .bind(texts.map(Json))
        .fetch_one(&mut *tx)
        .await?;
        let record = record_sale(&mut tx, sale).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(Some(at_ms.zip(texts).map(|(at_ms, texts)| AnnouncementNow { at_ms, texts: texts.clone() })))
    }

    /// What is announced in a sale.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn announcement(&self, sale: Uuid) -> Result<Option<AnnouncementNow>> {
        let row: Option<(i64, Json<BTreeMap<String, String>>)> = sqlx::query_as(
            "select to_ms(announced_at), announcement from sale where id = $1 and announcement is not null",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(at_ms, texts)| AnnouncementNow { at_ms, texts: texts.0 }))
    }
}
