//! Several sales over one inventory: how much of it each may have, and which of them may run at the same time.

use std::collections::HashMap;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::events::SaleDraft;
use crate::{Result, Store};

/// Why a sale cannot run beside the event's others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clash {
    /// It would let people in while another does, and not both have an allotment.
    Overlap {
        /// The other sale's name.
        with: String,
    },
    /// The allotments of the sales that let people in at the same time are more than the event's seats.
    TooMuch {
        /// The sum of the allotments.
        allotted: u64,
        /// The event's seats.
        capacity: u32,
    },
    /// The sale has more seats, held or sold, than it should be allowed.
    BelowTaken {
        /// How many it has.
        taken: u32,
    },
}

impl Store {
    /// How many seats each of these sales may still take, of those with an allotment. Their rows stay locked, in order, until the
    /// end of the transaction: whoever takes seats for a sale comes through here first, so nobody counts beside another.
    pub(crate) async fn rooms(&self, tx: &mut PgConnection, sales: &[Uuid]) -> Result<HashMap<Uuid, u32>> {
        let allotments: Vec<(Uuid, Option<i32>)> =
            sqlx::query_as("select id, allotment from sale where id = any($1) order by id for no key update")
                .bind(sales)
                .fetch_all(&mut *tx)
                .await?;
        let mut rooms = HashMap::new();
        for (sale, allotment) in allotments {
            let Some(allotment) = allotment.filter(|_| self.guards().allotment_check) else { continue };
            // A later statement than the lock: its snapshot has what was taken by whoever held the row before.
            rooms.insert(sale, allotment.cast_unsigned().saturating_sub(taken(tx, sale).await?));
        }
        Ok(rooms)
    }
}

/// How many more seats of the event each of these fans may have, where it has a limit. Until the end of the transaction nobody else
/// asks this of them.
pub(crate) async fn rooms_of_fans(tx: &mut PgConnection, event: Uuid, fans: &[Uuid]) -> Result<Option<PersonRooms>> {
    let most: Option<i32> = sqlx::query_scalar("select tickets_per_person from event where id = $1")
        .bind(event)
        .fetch_optional(&mut *tx)
        .await?
        .flatten();
    let Some(most) = most else { return Ok(None) };
    // Fans share locks, so that a large batch has no more of them than Postgres has room for.
    sqlx::query(
        "select pg_advisory_xact_lock(hashtextextended($1::text, 2) # nth)
         from (select distinct hashtextextended(fan::text, 2) & 511 as nth from unnest($2::uuid[]) as f(fan) order by 1) locks",
    )
        .bind(event)
        .bind(fans)
        .execute(&mut *tx)
        .await?;
    // A later statement than the lock.
    let has: Vec<(Uuid, i64)> =
        sqlx::query_as("select * from seats_of_fans($1, $2)").bind(event).bind(fans).fetch_all(tx).await?;
    let has = has.into_iter().map(|(fan, seats)| (fan, seats as u32)).collect();
    Ok(Some(PersonRooms { most: most.cast_unsigned(), has }))
}

/// How many seats fans have of an event, and how many they may.
pub(crate) struct PersonRooms {
    pub(crate) most: u32,
    has: HashMap<Uuid, u32>,
}

impl PersonRooms {
    /// How many the fan may have yet.
    pub(crate) fn left(&self, fan: Uuid) -> u32 {
        self.most.saturating_sub(self.has.get(&fan).copied().unwrap_or(0))
    }

    /// Counts seats for the fan, unless they are more than may be.
    pub(crate) fn take(&mut self, fan: Uuid, seats: u32) -> bool {
        let fits = seats <= self.left(fan);
        if fits {
            *self.has.entry(fan).or_default() += seats;
        }
        fits
    }
}

/// How many seats a sale has, held or sold.
pub(crate) async fn taken(tx: &mut PgConnection, sale: Uuid) -> Result<u32> {
    let taken: i64 = sqlx::query_scalar(
        "select count(*) from sale s join booking b on b.event = s.event and b.sale = s.id
                              join hold_seat h on h.booking = b.id and h.event = s.event and h.live
         where s.id = $1",
    )
    .bind(sale)
    .fetch_one(tx)
    .await?;
    Ok(taken as u32)
}

/// Whether a sale with this draft may be one of the event's published ones. The sale's row is locked by the caller; until
/// the end of the transaction nobody else can ask this of the same event.
pub(crate) async fn clash(tx: &mut PgConnection, event: Uuid, sale: Uuid, draft: &SaleDraft) -> Result<Option<Clash>> {
    sqlx::query("select pg_advisory_xact_lock(hashtextextended($1::text, 0))").bind(event).execute(&mut *tx).await?;
    let others: Vec<(String, Option<i32>)> = sqlx::query_as(
        "select name, allotment from sale where event = $1 and id <> $2 and published
           and opens_at < from_ms($4) and coalesce(wait_ends_at, closes_at) > from_ms($3) order by opens_at, id",
    )
    .bind(event)
    .bind(sale)
    .bind(draft.opens_at_ms)
    .bind(draft.wait_ends_at_ms.unwrap_or(draft.closes_at_ms))
    .fetch_all(&mut *tx)
    .await?;
    let uncapped = others.iter().find(|(_, allotment)| draft.allotment.is_none() || allotment.is_none());
    if let Some((with, _)) = uncapped {
        return Ok(Some(Clash::Overlap { with: with.clone() }));
    }
    let Some(own) = draft.allotment else { return Ok(None) };
    let beside: i64 = others.iter().filter_map(|(_, allotment)| *allotment).map(i64::from).sum();
    let capacity: i32 =
        sqlx::query_scalar("select capacity from event where id = $1").bind(event).fetch_one(&mut *tx).await?;
    let allotted = beside + i64::from(own);
    if !others.is_empty() && allotted > capacity.into() {
        return Ok(Some(Clash::TooMuch { allotted: allotted as u64, capacity: capacity as u32 }));
    }
    let taken = taken(tx, sale).await?;
    Ok((own < taken).then_some(Clash::BelowTaken { taken }))
}
