//! The fairness report of a sale: how long who waited, in which order, at which pace; all of one snapshot.

use uuid::Uuid;

use crate::clock::ClockActRow;
use crate::follow::begin_snapshot;
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
    /// How often somebody present was preferred to somebody absent.
    pub passed_while_absent: i64,
    /// The busiest rolling minute against the highest rate in it: when it ended, how many, the rate.
    pub busiest: Option<(i64, i64, i32)>,
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
            drawn: drawn.transpose()?,
        })
    }
}
