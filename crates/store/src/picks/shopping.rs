//! The time to pick: in which events fans do, and whose time is over.

use uuid::Uuid;

use crate::feed::Change;
use crate::holds::record_seats;
use crate::{Result, Store};

/// Places ended in one transaction, at most.
const IDLE_BATCH: i64 = 1_000;

impl Store {
    /// Events with a published sale in which fans pick that is not long over, with their versions.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn picking_events(&self) -> Result<Vec<(Uuid, i64)>> {
        Ok(sqlx::query_as(
            "select e.id, e.version from event e where exists (
                 select from sale s where s.event = e.id and s.published and s.seating = 'pick'
                   and coalesce(s.wait_ends_at, s.closes_at) > clock_timestamp() - interval '1 hour')",
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Ends the places of fans who picked nothing while there was time to, and of those for whom nothing is left nor can come free.
    /// Answers how many, and when the next one's time is over, in milliseconds from now.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn end_idle(&self) -> Result<(u64, Option<i64>)> {
        let shopping: Vec<(Uuid, Option<i64>)> = sqlx::query_as(
            "select s.event, to_ms(min(p.shops_until) filter (where p.shops_until > now())) - to_ms(clock_timestamp())
             from place p join sale s on s.id = p.sale
             where p.shops_until is not null and p.state = 'standing' group by s.event",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut ended = 0;
        for (event, _) in &shopping {
            ended += self.end_idle_of(*event).await?;
        }
        Ok((ended, shopping.into_iter().filter_map(|(_, in_ms)| in_ms).min()))
    }

    async fn end_idle_of(&self, event: Uuid) -> Result<u64> {
        let mut tx = self.pool.begin().await?;
        self.clock_runs(&mut tx, event).await?;
        let ended: Vec<(Uuid, i64, String)> = sqlx::query_as(
            "with over as materialized (
                 select s.id as of_sale, sale_clock(s.id) as at,
                        -- Nothing is left when all is paid for or kept for good: of the event, or of the sale's part.
                        (e.capacity <= (select count(*) from hold_seat where event = $1 and live)
                         and not exists (select from booking b where b.event = $1 and b.state in ('held', 'paying', 'capturing'))
                         and not exists (select from block k join hold_seat h on h.block = k.id and h.live
                                         where k.event = $1 and k.frees_at is not null))
                        or coalesce(s.allotment <= (select count(*) from booking b join hold_seat h on h.booking = b.id and h.live
                                                    where b.event = $1 and b.sale = s.id), false)
                        and not exists (select from booking b where b.event = $1 and b.sale = s.id
                                                                and b.state in ('held', 'paying', 'capturing')) as sold_out
                 from sale s join event e on e.id = s.event where s.event = $1 and s.seating = 'pick'),
             due as (
                 select p.id, case when over.sold_out then 'sold_out' else 'idle' end as how
                 from place p join over on of_sale = p.sale
                 where p.shops_until is not null and p.state = 'standing' and (p.shops_until <= over.at or over.sold_out)
                 order by p.sale, p.entry limit $2 for no key update of p skip locked)
             update place set state = due.how, ended_at = clock_timestamp() from due where place.id = due.id
             returning place.sale, place.entry, place.state",
        )
        .bind(event)
        .bind(IDLE_BATCH)
        .fetch_all(&mut *tx)
        .await?;
        let changes = ended
            .iter()
            .map(|(sale, entry, how)| match how.as_str() {
                "idle" => Change::Idle { sale: *sale, entry: *entry },
                _ => Change::Unserved { sale: *sale, entry: *entry },
            })
            .collect();
        let records = record_seats(&mut tx, event, changes).await?;
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(ended.len() as u64)
    }
}
