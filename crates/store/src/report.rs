//! The fairness report of a sale: how long who waited, in which order, at which pace; all of one snapshot.

use domain::seats::{Rung, lone_seats};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::ClockActRow;
use crate::follow::begin_snapshot;
use crate::halls::{hall_in, left_in};
use crate::{Result, Store, StoreError};

/// How long one statement may take; beyond it the report is refused, and nobody else is held up.
const TIMEOUT: &str = "set local statement_timeout = '5s'";
/// A larger draw's evenness is left to those who check the draw itself.
const DRAWN_MAX: i64 = 2_000_000;

/// Places that joined within one minute.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Waits {
    /// The minute's begin, in milliseconds since 1970. Who came before the opening counts from the opening.
    pub minute_ms: i64,
    /// Who joined then.
    pub joined: i64,
    /// Who of them was let in.
    pub admitted: i64,
    /// The wait that a tenth stayed below, in milliseconds; nothing while nobody was let in.
    pub p10_ms: Option<i64>,
    /// Half.
    pub p50_ms: Option<i64>,
    /// Nine tenths.
    pub p90_ms: Option<i64>,
}

/// Counts of one class.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ClassCounts {
    /// The class as it is now.
    pub class: i16,
    /// Places ever given.
    pub joined: i64,
    /// Let in.
    pub admitted: i64,
    /// Passed over while absent, at least once.
    pub skipped: i64,
    /// Absent when last looked at, and never back.
    pub no_shows: i64,
    /// Left, or removed by an operator.
    pub left_line: i64,
    /// Put there by an operator.
    pub inserted: i64,
    /// Holds that ran out.
    pub lapsed: i64,
}

/// An operator's doing that changed the order.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct OrderException {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// The pace lane's version that told of it.
    pub version: i64,
    /// The entry.
    pub entry: i64,
    /// `put`, `insert` (there was no place before) or `remove`.
    pub action: String,
    /// Its class before.
    pub class_before: i16,
    /// Its class from then on.
    pub class: i16,
    /// Why, in the operator's words.
    pub reason: String,
}

/// How parties were seated in a sale, and what is left of its event's seats.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seating {
    /// The event's sellable units.
    pub capacity: u32,
    /// Those nobody has.
    pub free: u32,
    /// Free seats with no free seat beside them.
    pub lone: u32,
    /// All offers ever made, by rung, the highest first.
    pub found: Vec<Found>,
}

/// The offers of one rung, with the sum of their scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// How far down the ladder.
    pub rung: Rung,
    /// How many parties.
    pub parties: i64,
    /// Those in more than one group.
    pub split: i64,
    /// All their groups.
    pub groups: i64,
    /// Seats newly left alone.
    pub new_singles: i64,
    /// The sum of the seats' qualities.
    pub quality: i64,
}

/// The report.
#[derive(Debug, Clone, PartialEq)]
pub struct Fairness {
    /// Postgres's clock at the snapshot.
    pub now_ms: i64,
    /// By minute of joining.
    pub waits: Vec<Waits>,
    /// By class.
    pub classes: Vec<ClassCounts>,
    /// The longest wait of anybody let in, in milliseconds.
    pub longest_wait_ms: Option<i64>,
    /// What operators did to the order, oldest first, at most 1,000.
    pub exceptions: Vec<OrderException>,
    /// What operators did to the clock that deadlines are by, oldest first, at most 1,000.
    pub clock_acts: Vec<ClockActRow>,
    /// Absences during which somebody behind was let in. Each counts once, however many went by; where the pace went over to another
    /// holder meanwhile, once more.
    pub passed_while_absent: i64,
    /// The busiest rolling minute against the highest rate in it: when it ended, how many, the rate.
    pub busiest: Option<(i64, i64, i32)>,
    /// How parties were seated.
    pub seating: Seating,
    /// How many entries the draw had, and its seed.
    pub drawn: Option<(i64, [u8; 32])>,
}

impl Fairness {
    /// The draw's size and seed, where there was a draw that is not too large to look at here.
    #[must_use]
    pub fn draw_to_look_at(&self) -> Option<(i64, [u8; 32])> {
        self.drawn.filter(|(size, _)| (1..=DRAWN_MAX).contains(size))
    }
}

impl Store {
    /// The fairness report of a sale as of one moment.
    ///
    /// # Errors
    /// When Postgres is away, or the sale is too large to be looked at in time.
    pub async fn fairness(&self, sale: Uuid) -> Result<Fairness> {
        let mut connection = self.pool.acquire().await?;
        let mut tx = begin_snapshot(&mut connection).await?;
        sqlx::query(TIMEOUT).execute(&mut *tx).await?;
        let now_ms = sqlx::query_scalar("select to_ms(clock_timestamp())").fetch_one(&mut *tx).await?;
        let waits = sqlx::query_as(include_str!("report/waits.sql")).bind(sale).fetch_all(&mut *tx).await?;
        let classes = sqlx::query_as(include_str!("report/classes.sql")).bind(sale).fetch_all(&mut *tx).await?;
        let longest_wait_ms = sqlx::query_scalar(
            "select max(to_ms(p.admitted_at) - to_ms(greatest(p.joined_at, s.opens_at)))
             from place p join sale s on s.id = p.sale where p.sale = $1 and p.admitted_at is not null",
        )
        .bind(sale)
        .fetch_one(&mut *tx)
        .await?;
        let exceptions = sqlx::query_as(
            "select to_ms(m.at) as at_ms, m.version, m.entry, case m.state_before when 'none' then 'insert' else m.action end as action, m.class_before, m.class, a.reason
             from mending m join audit a on a.id = m.audit where m.sale = $1 order by m.version limit 1000",
        )
        .bind(sale)
        .fetch_all(&mut *tx)
        .await?;
        let clock_acts = Self::clock_acts(&mut tx, sale).await?;
        let passed_while_absent = sqlx::query_scalar(
            "select coalesce(sum(jsonb_array_length(passed_over)), 0)::bigint from pace_tick where sale = $1",
        )
        .bind(sale)
        .fetch_one(&mut *tx)
        .await?;
        let busiest = sqlx::query_as(
            "select to_ms(at), sum, rate from (
                 select at, sum(admitted) over minute as sum, max(rate_per_minute) over minute as rate
                 from pace_tick where sale = $1
                 window minute as (order by at range between interval '60 s' preceding and current row)) t
             order by sum::double precision / rate desc, at limit 1",
        )
        .bind(sale)
        .fetch_optional(&mut *tx)
        .await?;
        let drawn: Option<(i64, Vec<u8>)> = sqlx::query_as(
            "select size, seed from draw where sale = $1 and drawn_at is not null and size is not null and seed is not null",
        )
        .bind(sale)
        .fetch_optional(&mut *tx)
        .await?;
        let seating = seating(&mut tx, sale).await?;
        tx.rollback().await?;
        let drawn = drawn.map(|(size, seed)| {
            Ok::<_, StoreError>((
                size,
                seed.try_into().map_err(|_| StoreError::Corrupt(format!("the seed of sale {sale}")))?,
            ))
        });
        Ok(Fairness {
            now_ms,
            waits,
            classes,
            longest_wait_ms,
            exceptions,
            clock_acts,
            passed_while_absent,
            busiest,
            seating,
            drawn: drawn.transpose()?,
        })
    }
}

async fn seating(tx: &mut PgConnection, sale: Uuid) -> Result<Seating> {
    let event: Option<Uuid> =
        sqlx::query_scalar("select event from sale where id = $1").bind(sale).fetch_optional(&mut *tx).await?;
    let Some(event) = event else { return Ok(Seating::default()) };
    let hall = hall_in(&mut *tx, event).await?;
    let (free, _) = left_in(&mut *tx, event, &hall).await?;
    let rows: Vec<(i16, i64, i64, i64, i64, i64)> = sqlx::query_as(
        "select rung, count(*), count(*) filter (where seat_groups > 1), sum(seat_groups), sum(new_singles), sum(quality)::bigint
         from booking where event = $1 and sale = $2 and rung is not null group by rung order by rung",
    )
    .bind(event)
    .bind(sale)
    .fetch_all(&mut *tx)
    .await?;
    let found = rows.into_iter().filter_map(|(rung, parties, split, groups, new_singles, quality)| {
        let rung = *Rung::ALL.get(rung as usize)?;
        Some(Found { rung, parties, split, groups, new_singles, quality })
    });
    Ok(Seating {
        capacity: hall.capacity(),
        free: free.count(),
        lone: lone_seats(&hall, &free),
        found: found.collect(),
    })
}
