//! How many seats were free, held, sold and blocked, over time: added up from the seats lane, which tells every change there was.

use std::ops::AddAssign;

use uuid::Uuid;

use crate::feed::{Lane, LaneKind, Record};
use crate::{Result, Store};

/// Records read at once.
const PAGE: i64 = 2_000;

/// An event's seats over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OverTime {
    /// What is counted apart: the seats of a tier in a section.
    pub parts: Vec<Part>,
    /// Oldest first, evenly spread; the last one is of now.
    pub points: Vec<Point>,
}

/// The seats of a tier in a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The tier's code.
    pub tier: String,
    /// The section's index in the seat map, or the standing area's.
    pub section: u16,
    /// Whether it is a standing area.
    pub standing: bool,
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// When, in milliseconds since 1970.
    pub at_ms: i64,
    /// In the parts' order.
    pub counts: Vec<Counts>,
}

/// How many seats are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nobody's.
    pub free: u32,
    /// In unpaid holds.
    pub held: u32,
    /// Paid.
    pub sold: u32,
    /// Kept back by the promoter.
    pub blocked: u32,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.free += other.free;
        self.held += other.held;
        self.sold += other.sold;
        self.blocked += other.blocked;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    Free,
    Held,
    Sold,
    Blocked,
}

/// The seats as they are while records are read.
struct Hall {
    part_of: Vec<usize>,
    seats: Vec<Seat>,
    counts: Vec<Counts>,
}

impl Hall {
    fn set(&mut self, seat: u32, now: Seat) {
        let Some(&part) = self.part_of.get(seat as usize) else { return };
        let was = std::mem::replace(&mut self.seats[seat as usize], now);
        let counts = &mut self.counts[part];
        *of(counts, was) -= 1;
        *of(counts, now) += 1;
    }

    fn apply(&mut self, record: &Record) {
        for change in &record.changes {
            let moves = change.seats();
            let taken = if moves.sale.is_some() { Seat::Held } else { Seat::Blocked };
            moves.taken.iter().for_each(|seat| self.set(*seat, taken));
            moves.freed.iter().for_each(|seat| self.set(*seat, Seat::Free));
            moves.paid.iter().for_each(|seat| self.set(*seat, Seat::Sold));
        }
    }
}

const fn of(counts: &mut Counts, seat: Seat) -> &mut u32 {
    match seat {
        Seat::Free => &mut counts.free,
        Seat::Held => &mut counts.held,
        Seat::Sold => &mut counts.sold,
        Seat::Blocked => &mut counts.blocked,
    }
}

impl Store {
    /// The event's seats over time, at as many moments as asked for at most; none before anything happened to a seat.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn availability_over_time(&self, event: Uuid, moments: u32) -> Result<OverTime> {
        let span: Option<(i64, i64)> = sqlx::query_as(
            "select to_ms(at), to_ms(clock_timestamp()) from feed_record where scope = $1 and kind = 'seats' order by version limit 1",
        )
        .bind(event)
        .fetch_optional(&self.pool)
        .await?;
        let Some((first_ms, now_ms)) = span else { return Ok(OverTime::default()) };
        let (parts, mut hall) = self.parts(event).await?;
        let lane = Lane { scope: event, kind: LaneKind::Seats };
        let step_ms = ((now_ms - first_ms) / i64::from(moments.max(1)) + 1).max(1_000);
        let (mut points, mut next_ms, mut version) = (Vec::new(), first_ms + step_ms, 0);
        loop {
            let records = self.records_after(lane, version, PAGE).await?;
            for record in &records {
                while record.at_ms >= next_ms {
                    points.push(Point { at_ms: next_ms, counts: hall.counts.clone() });
                    next_ms += step_ms;
                }
                hall.apply(record);
                version = record.version;
            }
            if (records.len() as i64) < PAGE {
                break;
            }
        }
        while next_ms < now_ms {
            points.push(Point { at_ms: next_ms, counts: hall.counts.clone() });
            next_ms += step_ms;
        }
        points.push(Point { at_ms: now_ms, counts: hall.counts });
        Ok(OverTime { parts, points })
    }

    async fn parts(&self, event: Uuid) -> Result<(Vec<Part>, Hall)> {
        let rows: Vec<(String, i16, bool)> = sqlx::query_as(
            "select t.code, s.section, s.standing from seat s join tier t on t.event = s.event and t.tier = s.tier
             where s.event = $1 order by s.seat",
        )
        .bind(event)
        .fetch_all(&self.pool)
        .await?;
        let mut parts: Vec<Part> = Vec::new();
        let (mut part_of, mut counts) = (Vec::with_capacity(rows.len()), Vec::<Counts>::new());
        for (tier, section, standing) in rows {
            let part = Part { tier, section: section.cast_unsigned(), standing };
            // Neighbours are mostly of the same part.
            let nth = parts.iter().rposition(|known| *known == part).unwrap_or_else(|| {
                parts.push(part);
                counts.push(Counts::default());
                parts.len() - 1
            });
            counts[nth].free += 1;
            part_of.push(nth);
        }
        let seats = vec![Seat::Free; part_of.len()];
        Ok((parts, Hall { part_of, seats, counts }))
    }
}
