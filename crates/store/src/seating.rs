//! What the holder of a seating lease reads: who stands, and which seats somebody has.

use domain::order::Class;
use uuid::Uuid;

use crate::joins::Accepts;
use crate::{Result, Store};

/// An admitted place without seats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StandingRow {
    /// Its sale.
    pub sale: Uuid,
    /// Its entry.
    pub entry: i64,
    /// Tickets wanted.
    pub party: u8,
    /// Bit i wishes tier i; 0 wishes any.
    pub tiers: u32,
    /// What it would take instead.
    pub accepts: Accepts,
    /// How many seats its fan may have yet, where the event has a limit.
    pub most: Option<u32>,
    /// Its priority.
    pub class: Class,
    /// When it was let in.
    pub admitted_at_ms: i64,
    /// How often its fan has changed the wishes.
    pub wished: i16,
    /// Until when free seats are or were kept for it while others may come free.
    pub gathers_until_ms: Option<i64>,
    /// Until when it may or might say what else it takes.
    pub asked_until_ms: Option<i64>,
}

/// The seats somebody has, exactly as of a version of the event's seats lane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakenSeats {
    /// The lane's version.
    pub version: i64,
    /// Seats, and whether they are paid for.
    pub seats: Vec<(u32, bool)>,
    /// Whose they are, in the same order.
    pub sales: Vec<Uuid>,
}

#[derive(sqlx::FromRow)]
struct Row {
    sale: Uuid,
    entry: i64,
    party: i16,
    tiers: i32,
    accepts: i16,
    most: Option<i64>,
    class: i16,
    admitted_at_ms: i64,
    wished: i16,
    gathers_until_ms: Option<i64>,
    asked_until_ms: Option<i64>,
}

macro_rules! standing {
    ($rest:literal) => {
        concat!(
            "select p.sale, p.entry, p.party, p.tiers, p.accepts, p.class, to_ms(p.admitted_at) as admitted_at_ms, p.wished,
                    (select e.tickets_per_person - coalesce((select seats from seats_of_fans(e.id, array[p.fan])), 0)
                     from sale s join event e on e.id = s.event where s.id = p.sale and e.tickets_per_person is not null) as most,
                    to_ms(p.gathers_until) as gathers_until_ms, to_ms(p.asked_until) as asked_until_ms ",
            $rest
        )
    };
}

fn standing_row(row: &Row) -> StandingRow {
    StandingRow {
        sale: row.sale,
        entry: row.entry,
        party: row.party as u8,
        tiers: row.tiers.cast_unsigned(),
        accepts: Accepts::from_bits(row.accepts),
        most: row.most.map(|most| most.max(0) as u32),
        class: Class(row.class as u8),
        admitted_at_ms: row.admitted_at_ms,
        wished: row.wished,
        gathers_until_ms: row.gathers_until_ms,
        asked_until_ms: row.asked_until_ms,
    }
}

impl Store {
    /// Every admitted place of the event that has no seats yet and does not pick them itself, by sale and entry.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn standing_places(&self, event: Uuid) -> Result<Vec<StandingRow>> {
        let rows: Vec<Row> = sqlx::query_as(standing!(
            "from place p join sale s on s.id = p.sale
             where s.event = $1 and s.seating = 'assign' and p.ended_at is null and p.admitted_at is not null and p.state = 'standing'
             order by p.sale, p.entry"
        ))
        .bind(event)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(standing_row).collect())
    }

    /// Those of the named places that stand, and do not pick their seats themselves.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn standing_of(&self, places: &[(Uuid, i64)]) -> Result<Vec<StandingRow>> {
        let (sales, entries): (Vec<Uuid>, Vec<i64>) = places.iter().copied().unzip();
        let rows: Vec<Row> = sqlx::query_as(standing!(
            "from unnest($1::uuid[], $2::bigint[]) as u(sale, entry)
                  join place p on p.sale = u.sale and p.entry = u.entry join sale s on s.id = p.sale
             where s.seating = 'assign' and p.state = 'standing'"
        ))
        .bind(sales)
        .bind(entries)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().map(standing_row).collect())
    }

    /// The seats somebody has, with the version of the lane that says so. One statement, so one snapshot.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn taken_seats(&self, event: Uuid) -> Result<TakenSeats> {
        type Row = (i64, Option<i32>, Option<bool>, Option<Uuid>);
        let rows: Vec<Row> = sqlx::query_as(
            "select l.version, h.seat, case when h.seat is not null then coalesce(b.state = 'paid', true) end,
                    case when h.seat is not null then coalesce(b.sale, '00000000-0000-0000-0000-000000000000') end
             from lane l left join (hold_seat h left join booking b on b.id = h.booking) on h.event = l.event and h.live
             where l.scope = $1 and l.kind = 'seats'",
        )
        .bind(event)
        .fetch_all(&self.pool)
        .await?;
        let version = rows.first().map_or(0, |(version, ..)| *version);
        let taken = rows.into_iter().filter_map(|(_, seat, paid, sale)| Some(((seat? as u32, paid?), sale?)));
        let (seats, sales) = taken.unzip();
        Ok(TakenSeats { version, seats, sales })
    }
}
