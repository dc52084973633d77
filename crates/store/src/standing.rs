//! What a standing party is told: that free seats are kept for it, and what it is asked once nothing fits it any more.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::feed::{Change, Question};
use crate::holds::record_seats;
use crate::leases::Lease;
use crate::mirror::Told;
use crate::{Result, Store};

/// What a place is to be asked to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// The place's sale.
    pub sale: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// The count of the place's changes of wishes that this goes by.
    pub wished: i16,
    /// How many seats.
    pub seats: u8,
    /// Of which tiers: bit i is tier i.
    pub tiers: u32,
    /// Whether they are not side by side.
    pub apart: bool,
}

impl Store {
    /// Tells standing places that seats are kept for them, for the time that their sale gives, and asks others what else they
    /// would take: each once. Those that do not stand any more, were told before, or wish something else meanwhile are left
    /// out. Answers what was told, as it is recorded.
    ///
    /// # Errors
    /// [`crate::StoreError::Moved`] when the lease's term is over; when Postgres is away. Nobody was told anything then.
    pub async fn tell_standing(&self, lease: &Lease, gathering: &[(Uuid, i64)], asks: &[Ask]) -> Result<Vec<Change>> {
        let event = lease.scope;
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, lease).await?;
        let (sales, entries): (Vec<Uuid>, Vec<i64>) = gathering.iter().copied().unzip();
        let gathers: Vec<(Uuid, i64, i64)> = sqlx::query_as(
            "update place p set gathers_until = clock_timestamp() + s.gather_ms * interval '1 ms' from sale s
             where s.id = p.sale and (p.sale, p.entry) in (select * from unnest($1::uuid[], $2::bigint[]))
               and p.state = 'standing' and p.gathers_until is null
             returning p.sale, p.entry, to_ms(p.gathers_until)",
        )
        .bind(sales)
        .bind(entries)
        .fetch_all(&mut *tx)
        .await?;
        type Asked = (Uuid, i64, i16, Vec<String>, bool, i64);
        let asked: Vec<Asked> = sqlx::query_as(
            "update place p set asked_until = clock_timestamp() + s.answer_ms * interval '1 ms', asked_seats = u.seats, asked_apart = u.apart,
                    asked_tiers = array(select t.code from tier t where t.event = $1 and u.tiers >> t.tier & 1 = 1 order by t.tier)
             from unnest($2::uuid[], $3::bigint[], $4::smallint[], $5::smallint[], $6::integer[], $7::boolean[])
                      as u(sale, entry, wished, seats, tiers, apart) join sale s on s.id = u.sale
             where p.sale = u.sale and p.entry = u.entry and p.wished = u.wished and p.state = 'standing' and p.asked_until is null
             returning p.sale, p.entry, p.asked_seats, p.asked_tiers, p.asked_apart, to_ms(p.asked_until)",
        )
        .bind(event)
        .bind(asks.iter().map(|ask| ask.sale).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.entry).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.wished).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| i16::from(ask.seats)).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.tiers.cast_signed()).collect::<Vec<_>>())
        .bind(asks.iter().map(|ask| ask.apart).collect::<Vec<_>>())
        .fetch_all(&mut *tx)
        .await?;
        let gathers = gathers.into_iter().map(|(sale, entry, until_ms)| Change::Gathers { sale, entry, until_ms });
        let asked = asked.into_iter().map(|(sale, entry, seats, tiers, apart, until_ms)| {
            let question = Question { seats: seats as u8, tiers, apart, until_ms };
            Change::Asked { sale, entry, question }
        });
        let told: Vec<Change> = gathers.chain(asked).collect();
        let records = record_seats(&mut tx, event, told.clone()).await?;
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(told)
    }

    /// How many parties of an event are asked about the same seats at once, at least one: the more say no, the more.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn asked_at_once(&self, event: Uuid) -> Result<u32> {
        let at_once: i32 = sqlx::query_scalar("select asked_at_once($1)").bind(event).fetch_one(&self.pool).await?;
        Ok(at_once.unsigned_abs())
    }
}

/// What the sale's standing places were told.
pub(crate) async fn told_standing(tx: &mut PgConnection, sale: Uuid) -> Result<HashMap<i64, Told>> {
    type Row = (i64, Option<i64>, Option<i64>, Option<i16>, Option<Vec<String>>, Option<bool>, Option<i64>);
    let rows: Vec<Row> = sqlx::query_as(
        "select entry, to_ms(gathers_until), to_ms(asked_until), asked_seats, asked_tiers, asked_apart, to_ms(shops_until) from place
         where sale = $1 and ended_at is null and admitted_at is not null and state = 'standing'
           and (gathers_until is not null or asked_seats is not null or shops_until is not null)",
    )
    .bind(sale)
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(entry, gathers_until_ms, until_ms, seats, tiers, apart, shops_until_ms)| {
            let question = until_ms
                .zip(seats)
                .zip(tiers.zip(apart))
                .map(|((until_ms, seats), (tiers, apart))| Question { seats: seats as u8, tiers, apart, until_ms });
            (entry, Told { gathers_until_ms, question, shops_until_ms, at_ms: 0 })
        })
        .collect())
}
