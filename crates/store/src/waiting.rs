//! What is kept and read for telling waits honestly: how well estimates were kept, what a line asks for, and what is left.

use std::collections::HashMap;

use uuid::Uuid;

use crate::joins::Accepts;
use crate::{Result, Store};

/// What a party in the line asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Tickets wanted.
    pub party: u8,
    /// Bit i wishes tier i; 0 wishes any.
    pub tiers: u32,
    /// What it would take instead.
    pub accepts: Accepts,
}

/// A tier's seats as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TierStock {
    /// The tier's code.
    pub code: String,
    /// Seats that nobody has.
    pub free: u32,
    /// Unpaid holds with one seat of it, with two, and so on; those with more than eight count as eight.
    pub held: [u32; 8],
    /// Accessible seats that are not paid for.
    pub accessible: u32,
    /// Accessible and companions' seats that nobody has.
    pub kept: u32,
}

/// An event's tiers in the promoter's order, and how its bookings ended so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// By tier.
    pub tiers: Vec<TierStock>,
    /// Whether kept seats are released to others at last.
    pub releases: bool,
    /// Bookings that were paid, refunded ones included.
    pub paid: u64,
    /// Bookings that ended unpaid.
    pub unpaid: u64,
}

impl Store {
    /// Writes a process's counts of sales, in place of those it wrote before.
    ///
    /// # Errors
    /// When Postgres is away. Nothing was written then, or all of it.
    pub async fn keep_estimates(&self, node: Uuid, counts: &[(Uuid, Vec<u64>)]) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        for (sale, counts) in counts {
            sqlx::query(
                "insert into estimate_record (sale, node, counts) values ($1, $2, $3)
                 on conflict (sale, node) do update set counts = excluded.counts, written_at = now()",
            )
            .bind(sale)
            .bind(node)
            .bind(counts.iter().map(|count| count.cast_signed()).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A sale's counts by process.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn kept_estimates(&self, sale: Uuid) -> Result<Vec<(Uuid, Vec<u64>)>> {
        let rows: Vec<(Uuid, Vec<i64>)> = sqlx::query_as("select node, counts from estimate_record where sale = $1")
            .bind(sale)
            .fetch_all(&self.pool)
            .await?;
        let counts = |row: Vec<i64>| row.into_iter().map(i64::cast_unsigned).collect();
        Ok(rows.into_iter().map(|(node, row)| (node, counts(row))).collect())
    }

    /// What the places of these entries ask for, by entry; those that there are not are left out.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn asked(&self, sale: Uuid, entries: &[i64]) -> Result<HashMap<i64, Asked>> {
        let rows: Vec<(i64, i16, i32, i16)> = sqlx::query_as(
            "select p.entry, p.party, p.tiers, p.accepts
             from unnest($2::bigint[]) as u(entry) join place p on p.sale = $1 and p.entry = u.entry",
        )
        .bind(sale)
        .bind(entries)
        .fetch_all(&self.pool)
        .await?;
        let asked = |(entry, party, tiers, accepts): (i64, i16, i32, i16)| {
            let accepts = Accepts::from_bits(accepts);
            (entry, Asked { party: party as u8, tiers: tiers.cast_unsigned(), accepts })
        };
        Ok(rows.into_iter().map(asked).collect())
    }

    /// What is left of an event. Costs a pass over its live seats and bookings: for every few seconds, not for every fan.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn stock(&self, event: Uuid) -> Result<Stock> {
        // One statement is one snapshot: a seat is not missed between free and held.
        type Row = (String, i64, Vec<i64>, i64, i64);
        let rows: Vec<Row> = sqlx::query_as(
            "with had as (select h.tier, h.booking, count(*) as seats, coalesce(b.state = 'paid', true) as paid
                          from hold_seat h left join booking b on b.id = h.booking
                          where h.event = $1 and h.live group by h.tier, h.booking, b.state),
                  sums as (select tier, sum(seats) as taken,
                                  array[count(*) filter (where not paid and seats = 1), count(*) filter (where not paid and seats = 2),
                                        count(*) filter (where not paid and seats = 3), count(*) filter (where not paid and seats = 4),
                                        count(*) filter (where not paid and seats = 5), count(*) filter (where not paid and seats = 6),
                                        count(*) filter (where not paid and seats = 7), count(*) filter (where not paid and seats > 7)] as held
                           from had group by tier),
                  access as (select s.tier, count(*) filter (where s.accessible) as seats, count(*) filter (where h.seat is null) as kept
                             from seat s left join hold_seat h on h.event = s.event and h.seat = s.seat and h.live
                                  left join booking b on b.id = h.booking
                             where s.event = $1 and (s.accessible or s.companion)
                                   and (h.seat is null or b.state is not null and b.state <> 'paid')
                             group by s.tier)
             select t.code, greatest(t.capacity - coalesce(sums.taken, 0), 0)::bigint,
                    coalesce(sums.held, array_fill(0::bigint, array[8])), coalesce(access.seats, 0), coalesce(access.kept, 0)
             from tier t left join sums on sums.tier = t.tier left join access on access.tier = t.tier
             where t.event = $1 order by t.tier",
        )
        .bind(event)
        .fetch_all(&self.pool)
        .await?;
        let (paid, unpaid, releases): (i64, i64, bool) = sqlx::query_as(
            "select count(*) filter (where state in ('paid', 'refunded')),
                    count(*) filter (where state in ('lapsed', 'released', 'failed')),
                    not exists(select from event where id = $1 and accessible_release = 'never')
             from booking where event = $1",
        )
        .bind(event)
        .fetch_one(&self.pool)
        .await?;
        let tier = |(code, free, held, accessible, kept): Row| TierStock {
            code,
            free: free as u32,
            held: std::array::from_fn(|nth| held.get(nth).map_or(0, |count| *count as u32)),
            accessible: accessible as u32,
            kept: kept as u32,
        };
        let tiers = rows.into_iter().map(tier).collect();
        Ok(Stock { tiers, releases, paid: paid as u64, unpaid: unpaid as u64 })
    }
}
