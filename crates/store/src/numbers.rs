//! A sale in numbers, for the consoles.

use domain::sale::State;
use uuid::Uuid;

use crate::tuning::Tuned;
use crate::{Result, Store};

/// A sale's settings and counts as of one statement.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
struct Row {
    now_ms: i64,
    brake_factor: f64,
    brake_why: Option<String>,
    brake_since_ms: Option<i64>,
    joined: i64,
    ended: i64,
    skipped: i64,
    standing: i64,
    holding: i64,
    admitted: i64,
    admitted_last_minute: i64,
    paid: i64,
    lapsed: i64,
    seats_held: i64,
    seats_sold: i64,
    seats_blocked: i64,
    capacity: i32,
    free: i64,
}

/// A sale's settings and counts as of one moment.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the operators' view, documented in the contracts")]
pub struct SaleNumbers {
    /// What it is doing; nothing for a draft.
    pub state: Option<State>,
    pub now_ms: i64,
    pub tuned: Tuned,
    pub brake_factor: f64,
    pub brake_why: Option<String>,
    pub brake_since_ms: Option<i64>,
    pub joined: u64,
    pub waiting: u64,
    pub skipped: u64,
    pub standing: u64,
    pub holding: u64,
    pub admitted: u64,
    pub admitted_last_minute: u64,
    pub paid: u64,
    pub lapsed: u64,
    pub seats_held: u64,
    pub seats_sold: u64,
    /// Seats that the promoter keeps back.
    pub seats_blocked: u64,
    pub seats_free: u64,
    pub capacity: u64,
}

impl Store {
    /// A sale's settings and counts.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn sale_numbers(&self, sale: Uuid) -> Result<Option<SaleNumbers>> {
        let row: Option<Row> = sqlx::query_as(
            "select to_ms(clock_timestamp()) as now_ms, s.brake_factor, s.brake_why, to_ms(s.brake_since) as brake_since_ms,
                    coalesce((select next_entry - 1 from line where sale = s.id), 0) as joined,
                    (select count(*) from place where sale = s.id and ended_at is not null) as ended,
                    (select count(*) from place where sale = s.id and state = 'skipped') as skipped,
                    (select count(*) from place where sale = s.id and ended_at is null and admitted_at is not null and state = 'standing') as standing,
                    (select count(*) from place where sale = s.id and ended_at is null and admitted_at is not null and state = 'holding') as holding,
                    (select coalesce(sum(admitted), 0) from pace_tick where sale = s.id) as admitted,
                    (select coalesce(sum(admitted), 0) from pace_tick
                     where sale = s.id and at > clock_timestamp() - interval '60 s') as admitted_last_minute,
                    (select count(*) from booking where sale = s.id and event = s.event and state = 'paid') as paid,
                    (select count(*) from booking where sale = s.id and event = s.event and state = 'lapsed') as lapsed,
                    (select count(*) from hold_seat h join booking b on b.id = h.booking
                     where h.event = s.event and h.live and b.state <> 'paid') as seats_held,
                    (select count(*) from hold_seat h join booking b on b.id = h.booking
                     where h.event = s.event and h.live and b.state = 'paid') as seats_sold,
                    (select count(*) from hold_seat h where h.event = s.event and h.live and h.block is not null) as seats_blocked,
                    e.capacity,
                    greatest(0, least(e.capacity - (select count(*) from hold_seat where event = s.event and live),
                                      s.allotment - (select count(*) from hold_seat h join booking b on b.id = h.booking
                                                     where h.event = s.event and h.live and b.sale = s.id))) as free
             from sale s join event e on e.id = s.event where s.id = $1",
        )
        .bind(sale)
        .fetch_optional(&self.pool)
        .await?;
        let (Some(doing), Some(tuned)) = (self.sale(sale).await?, self.tuned(sale).await?) else { return Ok(None) };
        Ok(row.map(|row| SaleNumbers {
            state: doing.state,
            now_ms: row.now_ms,
            tuned,
            brake_factor: row.brake_factor,
            brake_why: row.brake_why,
            brake_since_ms: row.brake_since_ms,
            joined: row.joined as u64,
            waiting: (row.joined - row.ended - row.skipped - row.standing - row.holding).max(0) as u64,
            skipped: row.skipped as u64,
            standing: row.standing as u64,
            holding: row.holding as u64,
            admitted: row.admitted as u64,
            admitted_last_minute: row.admitted_last_minute as u64,
            paid: row.paid as u64,
            lapsed: row.lapsed as u64,
            seats_held: row.seats_held as u64,
            seats_sold: row.seats_sold as u64,
            seats_blocked: row.seats_blocked as u64,
            seats_free: row.free as u64,
            capacity: row.capacity as u64,
        }))
    }
}
