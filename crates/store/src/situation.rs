//! A sale as it stands, for previews: the waiting parties in order, one byte each, the holds, and how fans have behaved so far.

use std::collections::BTreeMap;

use domain::draw::Numbers;
use domain::order::Class;
use domain::pacing::Brake;
use domain::preview::{Behaviour, Holding, Spread};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::allotments::taken;
use crate::follow::begin_snapshot;
use crate::halls::{hall_in, left_in};
use crate::sale_now::sale_now;
use crate::{Result, Store, StoreError};

/// Places read by one statement.
const CHUNK: i64 = 50_000;
/// Fewer ended bookings say nothing of how fans behave.
const LEAST_BOOKINGS: i64 = 30;
/// A preview lets at most so many join per minute later.
const JOINS_MAX: f64 = 5_000.0;

/// A sale as one snapshot of Postgres has it. Times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Situation {
    /// Postgres's clock then.
    pub now_ms: i64,
    /// When it opens, or opened.
    pub opens_at_ms: i64,
    /// When the last place is let in at the latest.
    pub ends_at_ms: i64,
    /// Who was let in during the last minute: how long ago in milliseconds, and how many.
    pub recent: Vec<(u32, u32)>,
    /// Who holds seats.
    pub holding: Vec<Holding>,
    /// The parties that stand, in order.
    pub standing: Vec<u8>,
    /// The parties that wait, in order; in the order of their coming as long as their numbers are not drawn.
    pub waiting: Vec<u8>,
    /// Whether more wait than were asked for; then `waiting` is not all.
    pub cut: bool,
    /// Seats that nobody has and the sale may take, but those that are kept for parties with an accessible one.
    pub free: u32,
    /// Kept seats that nobody has, that the sale may take, and that are released once little else is left.
    pub accessible: u32,
    /// How long free seats are kept for a standing party, once, in milliseconds.
    pub gather_ms: u32,
    /// How long one may think about what else is left, in milliseconds.
    pub answer_ms: u32,
    /// The automatic brake as its holder last told it.
    pub brake: Brake,
    /// How fans of this sale have behaved, or what is usual.
    pub behaviour: Behaviour,
}

impl Situation {
    /// The same as the rules know it.
    #[must_use]
    pub fn rules(&self) -> domain::preview::Situation<'_> {
        domain::preview::Situation {
            now_ms: self.now_ms,
            opens_at_ms: self.opens_at_ms,
            closes_at_ms: self.ends_at_ms,
            recent: &self.recent,
            holding: &self.holding,
            standing: &self.standing,
            waiting: &self.waiting,
            free: self.free,
            accessible: self.accessible,
            gather_ms: self.gather_ms,
            answer_ms: self.answer_ms,
            brake: self.brake,
        }
    }
}

impl Store {
    /// A published sale as it stands, with at most about so many who wait; nothing if there is none.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn situation(&self, sale: Uuid, waiting_max: usize) -> Result<Option<Situation>> {
        let mut connection = self.pool.acquire().await?;
        let mut tx = begin_snapshot(&mut connection).await?;
        let Some(now) = sale_now(&mut tx, sale).await? else { return Ok(None) };
        let allotted = match now.allotment {
            Some(allotment) => allotment.saturating_sub(taken(&mut tx, sale).await?),
            None => u32::MAX,
        };
        type Row = (i64, Uuid, bool, i32, i32, i32, i32, f64, Option<i64>);
        let (now_ms, event, never, hold_ttl_ms, extension_ms, gather_ms, answer_ms, brake, brake_since_ms): Row =
            sqlx::query_as(
                "select to_ms(clock_timestamp()), e.id,
                    e.accessible_release = 'never', s.hold_ttl_ms, s.extension_ms, s.gather_ms, s.answer_ms,
                    s.brake_factor, to_ms(s.brake_since)
             from sale s join event e on e.id = s.event where s.id = $1",
            )
            .bind(sale)
            .fetch_one(&mut *tx)
            .await?;
        let ticks: Vec<(i64, i32)> = sqlx::query_as(
            "select $2 - to_ms(at), admitted from pace_tick where sale = $1 and at > from_ms($2 - 60000) and admitted > 0",
        )
        .bind(sale)
        .bind(now_ms)
        .fetch_all(&mut *tx)
        .await?;
        let holds: Vec<(i64, i64)> = sqlx::query_as(
            "select count(h.seat), to_ms(b.deadline + clock_lag($2, from_ms($3))) - $3 from booking b join hold_seat h on h.booking = b.id and h.live
             where b.event = $1 and b.sale = $2 and b.state in ('held', 'paying', 'capturing') group by b.id",
        )
        .bind(event)
        .bind(sale)
        .bind(now_ms)
        .fetch_all(&mut *tx)
        .await?;
        let standing: Vec<i16> = sqlx::query_scalar(
            "select party from place where sale = $1 and ended_at is null and admitted_at is not null and state = 'standing'
             order by admitted_at, entry",
        )
        .bind(sale)
        .fetch_all(&mut *tx)
        .await?;
        let (waiting, cut) = waiting(&mut tx, sale, waiting_max).await?;
        let mut behaviour = behaviour(&mut tx, event, sale, hold_ttl_ms, extension_ms).await?;
        if !waiting.is_empty() {
            behaviour.mean_party = waiting.iter().map(|party| f64::from(*party)).sum::<f64>() / waiting.len() as f64;
        }
        let (free, kept) = left(&mut tx, event).await?;
        tx.rollback().await?;
        let ordinary = allotted.min(free - kept);
        Ok(Some(Situation {
            now_ms,
            opens_at_ms: now.opens_at_ms,
            ends_at_ms: now.course(true).ends_at_ms(),
            recent: ticks.into_iter().map(|(ago, n)| (ago.max(0) as u32, n.cast_unsigned())).collect(),
            holding: holds
                .into_iter()
                .map(|(seats, left)| Holding {
                    seats: seats as u8,
                    remaining_ms: left.clamp(0, u32::MAX.into()) as u32,
                })
                .collect(),
            standing: standing.into_iter().map(|party| party as u8).collect(),
            waiting,
            cut,
            free: ordinary,
            accessible: if never { 0 } else { kept.min(allotted - ordinary) },
            gather_ms: gather_ms.cast_unsigned(),
            answer_ms: answer_ms.cast_unsigned(),
            brake: Brake::told(brake, brake_since_ms),
            behaviour,
        }))
    }
}

/// How many seats nobody has, and how many of them are kept for parties with an accessible one.
async fn left(tx: &mut PgConnection, event: Uuid) -> Result<(u32, u32)> {
    let hall = hall_in(tx, event).await?;
    let (free, held) = left_in(tx, event, &hall).await?;
    Ok((free.count(), hall.kept_of(&free, &held)))
}

/// The parties that wait, in order, and whether there are more.
async fn waiting(tx: &mut PgConnection, sale: Uuid, most: usize) -> Result<(Vec<u8>, bool)> {
    let draw: Option<(i64, Vec<u8>)> =
        sqlx::query_as("select size, seed from draw where sale = $1 and drawn_at is not null")
            .bind(sale)
            .fetch_optional(&mut *tx)
            .await?;
    let numbers = match draw {
        Some((size, seed)) if size > 0 => {
            let seed: [u8; 32] =
                seed.try_into().map_err(|_| StoreError::Corrupt(format!("the seed of sale {sale}")))?;
            Some((size, Numbers::draw(&seed, size)))
        }
        _ => None,
    };
    // The lobby by number, nobody as 0; then who came later.
    let mut lobby = vec![0; numbers.as_ref().map_or(0, |(size, _)| *size as usize)];
    let mut later = Vec::new();
    let mut invited: BTreeMap<(i16, i64), u8> = BTreeMap::new();
    let (mut after, mut found) = (0, 0);
    loop {
        let rows: Vec<(i64, i16, i16)> = sqlx::query_as(
            "select entry, party, class from place where sale = $1 and entry > $2 and state = 'waiting' order by entry limit $3",
        )
        .bind(sale)
        .bind(after)
        .bind(CHUNK)
        .fetch_all(&mut *tx)
        .await?;
        let Some((last, ..)) = rows.last() else { break };
        after = *last;
        found += rows.len();
        for (entry, party, class) in rows {
            let number = numbers.as_ref().map_or(entry, |(_, numbers)| numbers.number(entry));
            if class != i16::from(Class::GENERAL.0) {
                invited.insert((class, number), party as u8);
            } else if let Some(party_of) = usize::try_from(number - 1).ok().and_then(|nth| lobby.get_mut(nth)) {
                *party_of = party as u8;
            } else {
                later.push(party as u8);
            }
        }
        if found > most {
            break;
        }
    }
    let general = lobby.into_iter().filter(|party| *party > 0).chain(later);
    Ok((invited.into_values().chain(general).collect(), found > most))
}

/// Who began to pay, extended, gave back or failed has come; a hold that lapsed without any of that was of one who did not.
///
/// By the bookings that had time to end in any way: of younger ones only those who were quick have ended.
async fn behaviour(
    tx: &mut PgConnection,
    event: Uuid,
    sale: Uuid,
    hold_ttl_ms: i32,
    extension_ms: i32,
) -> Result<Behaviour> {
    let longest_ms = i64::from(hold_ttl_ms) + i64::from(extension_ms);
    let mut behaviour = Behaviour { lapsed_after: Spread([hold_ttl_ms.cast_unsigned(); 11]), ..Behaviour::default() };
    let (all, came, paid, released): (i64, i64, i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where state <> 'lapsed' or extended or declined or email is not null),
                count(*) filter (where state in ('paid', 'refunded')), count(*) filter (where state = 'released')
         from booking where event = $1 and sale = $2 and state not in ('held', 'paying', 'capturing')
               and held_at <= clock_timestamp() - $3 * interval '1 ms'",
    )
    .bind(event)
    .bind(sale)
    .bind(longest_ms as f64)
    .fetch_one(&mut *tx)
    .await?;
    if all >= LEAST_BOOKINGS {
        let share = |part: i64, of: i64| part as f64 / of.max(1) as f64;
        behaviour.show_up = share(came, all);
        behaviour.conversion = share(paid, came);
        behaviour.lapse = 1.0 - share(released, came - paid).min(1.0);
    }
    let (agreed, refused): (i64, i64) =
        sqlx::query_as("select agreed, refused from answers_of($1)").bind(sale).fetch_one(&mut *tx).await?;
    if agreed + refused >= LEAST_BOOKINGS {
        behaviour.agree = agreed as f64 / (agreed + refused) as f64;
    }
    let spreads = [
        ("paid", &mut behaviour.paid_after),
        ("released", &mut behaviour.released_after),
        ("lapsed", &mut behaviour.lapsed_after),
    ];
    for (state, spread) in spreads {
        let (count, deciles): (i64, Option<Vec<f64>>) = sqlx::query_as(
            "select count(*), percentile_cont(array[0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]::float8[])
                              within group (order by extract(epoch from ended_at - held_at)::float8 * 1000)
             from booking where event = $1 and sale = $2 and state = $3
                   and held_at <= clock_timestamp() - $4 * interval '1 ms'",
        )
        .bind(event)
        .bind(sale)
        .bind(state)
        .bind(longest_ms as f64)
        .fetch_one(&mut *tx)
        .await?;
        let measured: Option<[f64; 11]> =
            deciles.filter(|_| count >= LEAST_BOOKINGS).and_then(|all| all.try_into().ok());
        if let Some(deciles) = measured {
            *spread = Spread(deciles.map(|ms| ms as u32));
        }
    }
    let (next, minute_ago): (Option<i64>, Option<i64>) = sqlx::query_as(
        "select (select next_entry - 1 from line where sale = $1),
                (select (changes->0->>'last')::bigint from feed_record
                 where scope = $1 and kind = 'joins' and at <= clock_timestamp() - interval '60 s' order by version desc limit 1)",
    )
    .bind(sale)
    .fetch_one(tx)
    .await?;
    behaviour.joins_per_minute = ((next.unwrap_or(0) - minute_ago.unwrap_or(0)) as f64).clamp(0.0, JOINS_MAX);
    Ok(behaviour)
}
