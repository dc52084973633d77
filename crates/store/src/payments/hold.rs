//! What a fan does with a hold besides paying.

use uuid::Uuid;

use super::lock;
use crate::feed::Ending;
use crate::holds::{end_holds, moved, record_seats};
use crate::{Result, Store};

impl Store {
    /// Extends a hold by the sale's extension, once, while it lasts. Answers whether it was extended now.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn extend_hold(&self, booking: Uuid) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let event: Option<Uuid> = sqlx::query_scalar(
            "update booking b set extended = true, deadline = deadline + s.extension_ms * interval '1 ms'
             from sale s where b.id = $1 and s.id = b.sale and b.state in ('held', 'paying') and not b.extended
               and b.deadline > sale_clock(b.sale)
             returning b.event",
        )
        .bind(booking)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(event) = event else { return Ok(false) };
        let changes = moved(&mut tx, &[booking]).await?;
        let records = record_seats(&mut tx, event, changes).await?;
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(true)
    }

    /// Gives a held booking's seats back at once. Answers whether it was held; with a payment open, that is cancelled first.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn give_back(&self, booking: Uuid) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let Some(locked) = lock(&mut tx, booking).await? else { return Ok(false) };
        if locked.state != "held" {
            return Ok(false);
        }
        let changes = end_holds(&mut tx, &[booking], "released", Ending::Released).await?;
        let records = record_seats(&mut tx, locked.event, changes).await?;
        tx.commit().await?;
        self.publish(locked.event, &records).await;
        Ok(true)
    }
}
