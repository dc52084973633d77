//! Letting people in: the pacing decision, leaving, and who was seen when.

use domain::pacing::{Flow, Window, allowed, served};
use redis::RedisError;
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::allotments::taken;
use crate::feed::{Change, Lane, LaneKind, Record, record};
use crate::leases::Lease;
use crate::redis_door::Keys;
use crate::sale_now::sale_now;
use crate::{Result, Store, StoreError};

/// By so much a clock may be stepped without breaking a cap, in milliseconds.
const STEP_MS: f64 = 5_000.0;

/// What a pacing decision saw when it was made.
#[derive(Debug, Clone)]
pub struct PaceAsk {
    /// The turn of office that decides.
    pub lease: Lease,
    /// The sale's event.
    pub event: Uuid,
    /// Whether that order is the one of the lobby's draw. Until the holder has heard of the draw, nothing is decided.
    pub drawn: bool,
    /// Live, present places in order, more than may be admitted.
    pub candidates: Vec<i64>,
    /// Absent places at the head beyond their grace: passed over from now on until they come back.
    pub skip: Vec<i64>,
    /// Absent places before the last candidate, in order: those that no decision of this term noted before as last seen then,
    /// and those to be skipped.
    pub passed_over: Vec<PassedOver>,
    /// The joins lane's version behind all this.
    pub joins_seen: i64,
    /// What the lease's holder goes by beside the record.
    pub measured: Measured,
}

/// What the holder of a pacing lease has measured. None of it can loosen a cap.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// The share of those let in who come; see [`domain::pacing::ShowUp::share`].
    pub show_up: f64,
    /// The automatic brake's factor; see [`domain::pacing::Brake::factor`].
    pub brake: f64,
    /// The even flow below the rate, as the last decision left it.
    pub flow: Flow,
    /// Who was let in lately by the holder's own clock, a second witness beside the record's.
    pub lately: Window,
    /// The holder's clock, in milliseconds since 1970: nobody is let in, and no rate rises, before it agrees with Postgres's.
    /// Nothing: Postgres's alone.
    pub now_ms: Option<i64>,
}

impl Default for Measured {
    fn default() -> Self {
        Self { show_up: 1.0, brake: 1.0, flow: Flow::default(), lately: Window::default(), now_ms: None }
    }
}

/// An absent place that candidates are preferred to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassedOver {
    /// Its entry.
    pub entry: i64,
    /// When it was last seen, in milliseconds since 1970; 0 for never.
    pub seen_ms: i64,
    /// The index of the first candidate behind it.
    pub before: usize,
}

/// Signs of life as Redis has them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastSeen {
    /// Since when notes are kept, by Postgres's clock; nothing while the event's copy in Redis is missing.
    pub since_ms: Option<i64>,
    /// Per entry asked for: when it was last seen, in milliseconds since 1970, by the noting node's clock; 0 for never.
    pub seen_ms: Vec<i64>,
}

/// What a pacing decision did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PaceDone {
    /// Who was let in, in order.
    pub admitted: Vec<i64>,
    /// Who was skipped.
    pub skipped: Vec<i64>,
    /// How many more the pace would have allowed.
    pub unused: u32,
    /// Whether the sale is sold out now.
    pub sold_out: bool,
    /// How many seats nobody has and the sale may take.
    pub free_seats: u32,
    /// The even flow after this decision, for the next.
    pub flow: Flow,
}

/// What came of leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The place ended.
    Left,
    /// Seats are held for it: they are given back first.
    Holding(Uuid),
    /// There is no live place.
    NotLive,
}

impl Store {
    /// One tick of the pace: lets in the next candidates, as many as rate, caps and seats allow, all judged in one
    /// transaction by the holder of the sale's pacing lease. Ringing and recording follow.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the lease's term is over; when Postgres is away. Nothing was decided then.
    pub async fn pace(&self, ask: &PaceAsk) -> Result<PaceDone> {
        let sale = ask.lease.scope;
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, &ask.lease).await?;
        // Time never goes back: not behind the last tick, whatever the clock does. A step forward makes what was let in before
        // look older: the holder's own witness tells the truth about its term, and of earlier ones a step's worth more counts.
        type Tick = (i64, i64, i64);
        let (at_ms, last_minute, last_second): Tick = sqlx::query_as(
            "with now as (select greatest(clock_timestamp(), (select max(at) from pace_tick where sale = $1)) as at)
             select to_ms(now.at), coalesce(sum(t.admitted), 0),
                    coalesce(sum(t.admitted) filter (where t.at >= now.at - interval '1.001 s'), 0)
             from now left join pace_tick t on t.sale = $1 and t.at >= now.at - interval '60.001 s' - $3 * interval '1 ms'
                                           and (t.term <> $2 or t.at >= now.at - interval '60.001 s') group by now.at",
        )
        .bind(sale)
        .bind(ask.lease.term)
        .bind(if self.guards().step_margin { STEP_MS } else { 0.0 })
        .fetch_one(&mut *tx)
        .await?;
        let Some(now) = sale_now(&mut tx, sale).await? else { return Ok(PaceDone::default()) };
        let seats = InPlay::read(&mut tx, ask.event, sale, now.allotment).await?;
        let Measured { show_up, brake, flow, lately, now_ms: own_ms } = ask.measured;
        let own_ms = own_ms.filter(|_| self.guards().own_clock).unwrap_or(at_ms);
        let mut done = PaceDone { sold_out: now.sold_out, free_seats: seats.free(), flow, ..PaceDone::default() };
        let mut records = Vec::new();
        let lane = Lane { scope: sale, kind: LaneKind::Pace };
        let drawn: bool =
            sqlx::query_scalar("select exists(select from draw where sale = $1 and drawn_at is not null)")
                .bind(sale)
                .fetch_one(&mut *tx)
                .await?;
        let heard = drawn == ask.drawn || !self.guards().draw_check;
        let course = now.course(drawn || !self.guards().draw_wait);
        if heard && course.state(at_ms).admits() && course.state(own_ms).admits() {
            let active: i64 = sqlx::query_scalar(
                "select count(*) from place where sale = $1 and ended_at is null and admitted_at is not null",
            )
            .bind(sale)
            .fetch_one(&mut *tx)
            .await?;
            let tuning = now.tuning()?;
            let in_force = tuning.in_force(at_ms, show_up, brake);
            let by_both = in_force.at_most(tuning.in_force(own_ms, show_up, brake));
            let window = Window { last_minute: last_minute as u32, last_second: last_second as u32 }.at_least(lately);
            let most = allowed(by_both, window, active as u32, &mut done.flow, at_ms);
            let allowed = if self.guards().rate_check { most } else { 1_000 };
            // Whoever left since the candidates were read drops out here; nobody behind them is held up.
            let next: Vec<(i64, i16)> = sqlx::query_as(
                "select p.entry, p.party from unnest($2::bigint[]) with ordinality as c(entry, nth)
                        join place p on p.sale = $1 and p.entry = c.entry
                 where p.state in ('waiting', 'skipped') order by c.nth limit $3 for no key update of p",
            )
            .bind(sale)
            .bind(&ask.candidates)
            .bind(i64::from(allowed))
            .fetch_all(&mut *tx)
            .await?;
            let count = seats.served(&next.iter().map(|(_, party)| *party as u32));
            done.admitted = next[..count].iter().map(|(entry, _)| *entry).collect();
            done.unused = allowed - count as u32;
            done.flow.let_in(count as u32);
            let skipped: Vec<i64> = sqlx::query_scalar(
                "update place set state = 'skipped' where sale = $1 and entry = any($2) and state = 'waiting' returning entry",
            )
            .bind(sale)
            .bind(&ask.skip)
            .fetch_all(&mut *tx)
            .await?;
            done.skipped.clone_from(&skipped);
            if !done.admitted.is_empty() || !skipped.is_empty() {
                // Where fans pick, they all have the same time to look for seats, by the sale's clock.
                let shops_until: Vec<Option<i64>> = sqlx::query_scalar(
                    "update place p set state = 'standing', admitted_at = from_ms($3),
                            shops_until = case when s.seating = 'pick' then from_ms($3) - clock_lag(s.id, from_ms($3)) + s.shop_ms * interval '1 ms' end
                     from sale s where s.id = $1 and p.sale = $1 and p.entry = any($2) returning to_ms(p.shops_until)",
                )
                .bind(sale)
                .bind(&done.admitted)
                .bind(at_ms)
                .fetch_all(&mut *tx)
                .await?;
                let mut changes = Vec::new();
                if !skipped.is_empty() {
                    changes.push(Change::Skipped { entries: skipped });
                }
                if count > 0 {
                    let parties = next[..count].iter().map(|(_, party)| *party as u8).collect();
                    let shops_until_ms = shops_until.first().copied().flatten();
                    changes.push(Change::Admitted { entries: done.admitted.clone(), parties, shops_until_ms });
                }
                let last = done.admitted.last().and_then(|last| ask.candidates.iter().position(|entry| entry == last));
                let passed: Vec<_> = ask
                    .passed_over
                    .iter()
                    .filter(|it| last.is_some_and(|last| it.before <= last) || ask.skip.contains(&it.entry))
                    .map(|passed| (passed.entry, passed.seen_ms))
                    .collect();
                let record = record(&mut tx, lane, changes).await?;
                sqlx::query(
                    "insert into pace_tick (sale, version, at, term, rate_version, rate_per_minute, admitted, entries, passed_over, joins_seen)
                     values ($1, $2, from_ms($3), $4, $5, $6, $7, $8, $9, $10)",
                )
                .bind(sale)
                .bind(record.version)
                .bind(at_ms)
                .bind(ask.lease.term)
                .bind(now.rate_version)
                .bind(in_force.knobs.rate_per_minute.cast_signed())
                .bind(count as i32)
                .bind(&done.admitted)
                .bind(json!(passed))
                .bind(ask.joins_seen)
                .execute(&mut *tx)
                .await?;
                records.push(record);
            } else if seats.all_sold() {
                done.sold_out = true;
                sqlx::query("update sale set sold_out_at = clock_timestamp() where id = $1")
                    .bind(sale)
                    .execute(&mut *tx)
                    .await?;
                records.push(record_sale(&mut tx, sale).await?);
            }
        }
        // A refund gave a seat back: whoever still waits may have it.
        if now.sold_out && seats.free() > 0 {
            done.sold_out = false;
            sqlx::query("update sale set sold_out_at = null where id = $1").bind(sale).execute(&mut *tx).await?;
            records.push(record_sale(&mut tx, sale).await?);
        }
        tx.commit().await?;
        self.publish(ask.event, &records).await;
        Ok(done)
    }

    /// The fan leaves the line.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn leave(&self, event: Uuid, sale: Uuid, fan: Uuid) -> Result<Leave> {
        let mut tx = self.pool.begin().await?;
        let live: Option<(Uuid, i64, String)> = sqlx::query_as(
            "select id, entry, state from place where sale = $1 and fan = $2 and ended_at is null for no key update",
        )
        .bind(sale)
        .bind(fan)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((place, entry, state)) = live else { return Ok(Leave::NotLive) };
        if state == "holding" {
            // A later statement than the lock: its snapshot sees the booking of whoever held the place's row before.
            let booking: Option<Uuid> =
                sqlx::query_scalar("select id from booking where place = $1 order by id desc limit 1")
                    .bind(place)
                    .fetch_optional(&mut *tx)
                    .await?;
            return booking
                .map(Leave::Holding)
                .ok_or_else(|| StoreError::Corrupt(format!("entry {entry} holds without a booking")));
        }
        sqlx::query("update place set state = 'left', ended_at = clock_timestamp() where sale = $1 and entry = $2")
            .bind(sale)
            .bind(entry)
            .execute(&mut *tx)
            .await?;
        let record =
            record(&mut tx, Lane { scope: sale, kind: LaneKind::Pace }, vec![Change::Left { entry, removed: false }])
                .await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(Leave::Left)
    }

    /// Notes that these entries' fans gave a sign of life. Redis being away costs their presence nothing: nobody's is known then.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn note_seen(&self, event: Uuid, sale: Uuid, entries: &[i64], now_ms: i64) -> Result<()> {
        for chunk in entries.chunks(1_000) {
            let mut command = redis::cmd("BITFIELD");
            command.arg(Keys(event).seen(sale));
            for entry in chunk {
                command.arg("SET").arg("u32").arg(format!("#{entry}")).arg(now_ms / 1000);
            }
            let _: Vec<i64> = command.query_async(&mut self.redis.connection()).await?;
        }
        Ok(())
    }

    /// When each of these entries was last seen, and since when such notes are kept: read together, since what an emptied
    /// Redis has forgotten must not be taken for absence.
    ///
    /// # Errors
    /// When Redis is away.
    pub async fn last_seen(&self, event: Uuid, sale: Uuid, entries: &[i64]) -> Result<LastSeen> {
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("HGET").arg(Keys(event).epoch()).arg("since_ms");
        for chunk in entries.chunks(1_000) {
            pipe.cmd("BITFIELD_RO").arg(Keys(event).seen(sale));
            for entry in chunk {
                pipe.arg("GET").arg("u32").arg(format!("#{entry}"));
            }
        }
        let reply: Vec<redis::Value> = pipe.query_async(&mut self.redis.connection()).await?;
        let mut parts = reply.into_iter();
        let since_ms = parts.next().map(redis::from_redis_value).transpose().map_err(RedisError::from)?.flatten();
        let mut seen_ms = Vec::with_capacity(entries.len());
        for part in parts {
            let seconds: Vec<i64> = redis::from_redis_value(part).map_err(RedisError::from)?;
            seen_ms.extend(seconds.into_iter().map(|s| s * 1000));
        }
        Ok(LastSeen { since_ms, seen_ms })
    }
}

/// Records the sale's settings as they are now.
pub(crate) async fn record_sale(tx: &mut PgConnection, sale: Uuid) -> Result<Record> {
    let now = sale_now(tx, sale).await?.ok_or_else(|| StoreError::Corrupt(format!("sale {sale} is not published")))?;
    record(tx, Lane { scope: sale, kind: LaneKind::Pace }, vec![Change::Sale(now)]).await
}

/// Seats in play: of the whole event, and of the sale's allotment if it has one.
struct InPlay {
    event: SeatsInPlay,
    share: Option<SeatsInPlay>,
}

#[derive(Clone, Copy, sqlx::FromRow)]
struct SeatsInPlay {
    /// Seats that nobody has and somebody may be given: a companion's that is never released needs a free accessible one.
    free: i64,
    /// Seats kept for admitted places that have none yet: as many as the party, or its part of what it is asked to take; none once
    /// its time to gather is over.
    standing: i64,
    /// Admitted places that have none yet.
    parties: i64,
    /// Bookings that may still give their seats back.
    unpaid: i64,
}

/// How many seats are kept for a standing place `p`, while `a.at_once` are asked about the same ones.
macro_rules! kept {
    () => {
        "case when p.asked_until > clock_timestamp() then p.asked_seats::float8 / a.at_once
              when p.gathers_until <= clock_timestamp() then 0 else p.party end"
    };
}

impl InPlay {
    async fn read(tx: &mut PgConnection, event: Uuid, sale: Uuid, allotment: Option<u32>) -> Result<Self> {
        let of_event = sqlx::query_as(concat!(
            "select e.capacity - (select count(*) from hold_seat where event = $1 and live)
                             - case when e.accessible_release = 'never' then
                                   (select case when bool_or(s.accessible) then 0 else count(*) end from seat s
                                    where s.event = $1 and (s.accessible or s.companion)
                                          and not exists (select from hold_seat h where h.event = $1 and h.seat = s.seat and h.live))
                               else 0 end as free,
                    w.standing, w.parties,
                    (select count(*) from booking where event = $1 and state in ('held', 'paying', 'capturing')) as unpaid
             -- Of those who wait for their own sale's share no more than it has left: they can take nothing else.
             from event e cross join (select asked_at_once($1) as at_once) a cross join lateral
                  (select floor(1e-6 + coalesce(sum(case when s.allotment is null then w.seats else least(w.seats, greatest(0, s.allotment -
                         (select count(*) from booking b join hold_seat h on h.booking = b.id and h.live
                          where b.event = s.event and b.sale = s.id))) end), 0))::bigint as standing, coalesce(sum(w.parties), 0)::bigint as parties
                   from sale s join lateral (select count(*) as parties, coalesce(sum(",
            kept!(),
            "), 0) as seats from place p
                         where p.sale = s.id and p.ended_at is null and p.admitted_at is not null and p.state = 'standing') w on w.parties > 0
                   where s.event = $1) w where e.id = $1"
        ))
        .bind(event)
        .fetch_one(&mut *tx)
        .await?;
        let Some(allotment) = allotment else { return Ok(Self { event: of_event, share: None }) };
        let taken = taken(tx, sale).await?;
        let (standing, parties, unpaid) = sqlx::query_as(concat!(
            "select w.standing, w.parties,
                    (select count(*) from booking where event = $1 and sale = $2 and state in ('held', 'paying', 'capturing'))
             from (select floor(1e-6 + coalesce(sum(",
            kept!(),
            "), 0))::bigint as standing, count(*) as parties from place p cross join (select asked_at_once($1) as at_once) a
                   where sale = $2 and ended_at is null and admitted_at is not null and state = 'standing') w"
        ))
        .bind(event)
        .bind(sale)
        .fetch_one(tx)
        .await?;
        let free = i64::from(allotment) - i64::from(taken);
        Ok(Self { event: of_event, share: Some(SeatsInPlay { free, standing, parties, unpaid }) })
    }

    fn each(&self) -> impl Iterator<Item = &SeatsInPlay> {
        [&self.event].into_iter().chain(&self.share)
    }

    fn free(&self) -> u32 {
        self.each().map(|seats| seats.free.max(0) as u32).min().unwrap_or(0)
    }

    fn served(&self, parties: &(impl Iterator<Item = u32> + Clone)) -> usize {
        let served = |seats: &SeatsInPlay| served(seats.free.max(0) as u32, seats.standing as u32, parties.clone());
        self.each().map(served).min().unwrap_or(0)
    }

    fn all_sold(&self) -> bool {
        self.each().any(|seats| seats.free <= 0 && seats.unpaid == 0 && seats.parties == 0)
    }
}
