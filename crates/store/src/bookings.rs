//! Reading bookings with their seats, tickets and payments.

use std::collections::HashMap;

use uuid::Uuid;

use crate::exchanges::ExchangeNow;
use crate::payments::{PaymentRow, PaymentTuple, payment_row, payments};
use crate::{Result, Store};

/// A booking as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookingRow {
    /// Its identifier.
    pub id: Uuid,
    /// Its event.
    pub event: Uuid,
    /// Its sale.
    pub sale: Uuid,
    /// Its place.
    pub place: Uuid,
    /// Whose it is.
    pub fan: Uuid,
    /// The short code to find it again.
    pub reference: String,
    /// `held`, `paying`, `capturing`, `paid`, `lapsed`, `released`, `failed`, `refunded`.
    pub state: String,
    /// The whole price in minor units.
    pub amount_minor: i64,
    /// ISO 4217.
    pub currency: String,
    /// Where tickets go.
    pub email: Option<String>,
    /// When the hold ends, by Postgres's clock, if its sale's is not stopped, or is started now.
    pub deadline_ms: i64,
    /// Why that clock stands still, if it does.
    pub frozen: Option<String>,
    /// Whether the one extension was used.
    pub extended: bool,
    /// Whether its fan asked for other seats, and what came of it.
    pub exchange: ExchangeNow,
    /// Whether its fan picked the seats.
    pub picked: bool,
    /// Postgres's clock when this was read.
    pub now_ms: i64,
    /// Its seats in order, of the hold as it was made or as it was exchanged.
    pub seats: Vec<SeatRow>,
    /// Its tickets in seat order.
    pub tickets: Vec<TicketRow>,
    /// The newest payment attempt.
    pub payment: Option<PaymentRow>,
}

/// A seat in a booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatRow {
    /// Its ordinal.
    pub seat: u32,
    /// What people read.
    pub label: String,
    /// Its tier's code.
    pub tier: String,
    /// Price, fee not included.
    pub price_minor: i64,
    /// Fee.
    pub fee_minor: i64,
}

/// A ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// Its identifier.
    pub id: Uuid,
    /// Its seat.
    pub seat: u32,
    /// What people read.
    pub label: String,
    /// Whether it is good still: not refunded and not taken back.
    pub valid: bool,
}

/// Which bookings.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// This one.
    Id(Uuid),
    /// A fan's own, newest first.
    Fan(Uuid),
    /// Those that came of a place, newest first.
    Place(Uuid),
    /// An event's after this one, oldest first.
    Event(Uuid, Uuid),
    /// With this address and reference.
    Found {
        /// The address given when paying.
        email: &'a str,
        /// The short code.
        reference: &'a str,
    },
}

macro_rules! bookings {
    ($rest:literal) => {
        concat!(
            "select id, event, sale, place, fan, reference, state, amount_minor, currency, email,
                    to_ms(deadline + clock_lag(sale, clock_timestamp())), extended,
                    to_ms(clock_timestamp()),
                    (select a.reason from clock_act c join audit a on a.id = c.audit where c.sale = booking.sale and c.ended_at is null),
                    exchange, (select seating = 'pick' from sale where sale.id = booking.sale)
             from booking where ",
            $rest
        )
    };
}

type Row = (
    Uuid,
    Uuid,
    Uuid,
    Uuid,
    Uuid,
    String,
    String,
    i64,
    String,
    Option<String>,
    i64,
    bool,
    i64,
    Option<String>,
    Option<String>,
    bool,
);

fn booking_row(row: Row) -> BookingRow {
    let (
        id,
        event,
        sale,
        place,
        fan,
        reference,
        state,
        amount_minor,
        currency,
        email,
        deadline_ms,
        extended,
        now_ms,
        frozen,
        exchange,
        picked,
    ) = row;
    BookingRow {
        id,
        event,
        sale,
        place,
        fan,
        reference,
        state,
        amount_minor,
        currency,
        email,
        deadline_ms,
        frozen,
        extended,
        exchange: ExchangeNow::of(exchange.as_deref()),
        picked,
        now_ms,
        seats: Vec::new(),
        tickets: Vec::new(),
        payment: None,
    }
}

impl Store {
    /// Bookings with all that belongs to them, at most `limit`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn bookings(&self, which: Which<'_>, limit: i64) -> Result<Vec<BookingRow>> {
        let query = match which {
            Which::Id(id) => sqlx::query_as(bookings!("id = $2 limit $1")).bind(limit).bind(id),
            Which::Fan(fan) => sqlx::query_as(bookings!("fan = $2 order by id desc limit $1")).bind(limit).bind(fan),
            Which::Place(place) => {
                sqlx::query_as(bookings!("place = $2 order by id desc limit $1")).bind(limit).bind(place)
            }
            Which::Event(event, after) => sqlx::query_as(bookings!("event = $2 and id > $3 order by id limit $1"))
                .bind(limit)
                .bind(event)
                .bind(after),
            Which::Found { email, reference } => {
                sqlx::query_as(bookings!("reference = $2 and lower(email) = lower($3) limit $1"))
                    .bind(limit)
                    .bind(reference)
                    .bind(email)
            }
        };
        let rows: Vec<Row> = query.fetch_all(&self.pool).await?;
        let mut bookings: Vec<BookingRow> = rows.into_iter().map(booking_row).collect();
        if !bookings.is_empty() {
            self.complete(&mut bookings).await?;
        }
        Ok(bookings)
    }

    /// One booking without its seats, tickets and payments: enough to know whose it is.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn booking_head(&self, id: Uuid) -> Result<Option<BookingRow>> {
        let row: Option<Row> = sqlx::query_as(bookings!("id = $1")).bind(id).fetch_optional(&self.pool).await?;
        Ok(row.map(booking_row))
    }

    /// One booking.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn booking(&self, id: Uuid) -> Result<Option<BookingRow>> {
        Ok(self.bookings(Which::Id(id), 1).await?.pop())
    }

    async fn complete(&self, bookings: &mut [BookingRow]) -> Result<()> {
        let ids: Vec<Uuid> = bookings.iter().map(|booking| booking.id).collect();
        let seats: Vec<(Uuid, i32, String, String, i64, i64)> = sqlx::query_as(
            "select h.booking, h.seat, s.label, t.code, h.price_minor, h.fee_minor
             from hold_seat h join seat s on s.event = h.event and s.seat = h.seat join tier t on t.event = h.event and t.tier = h.tier
             where h.booking = any($1) order by h.booking, h.seat",
        )
        .bind(&ids)
        .fetch_all(&self.pool)
        .await?;
        let tickets: Vec<(Uuid, Uuid, i32, String, bool)> = sqlx::query_as(
            "select k.booking, k.id, k.seat, s.label, k.void_at is null
             from ticket k join seat s on s.event = k.event and s.seat = k.seat where k.booking = any($1) order by k.booking, k.seat",
        )
        .bind(&ids)
        .fetch_all(&self.pool)
        .await?;
        let payments: Vec<PaymentTuple> =
            sqlx::query_as(payments!("from payment p where p.booking = any($1) order by p.booking, p.attempt"))
                .bind(&ids)
                .fetch_all(&self.pool)
                .await?;
        let mut by_id: HashMap<Uuid, &mut BookingRow> =
            bookings.iter_mut().map(|booking| (booking.id, booking)).collect();
        for (booking, seat, label, tier, price_minor, fee_minor) in seats {
            if let Some(booking) = by_id.get_mut(&booking) {
                booking.seats.push(SeatRow { seat: seat as u32, label, tier, price_minor, fee_minor });
            }
        }
        // They may have been exchanged since the row was read, and say themselves what they cost.
        for booking in by_id.values_mut().filter(|booking| !booking.seats.is_empty()) {
            booking.amount_minor = booking.seats.iter().map(|seat| seat.price_minor + seat.fee_minor).sum();
        }
        for (booking, id, seat, label, valid) in tickets {
            if let Some(booking) = by_id.get_mut(&booking) {
                booking.tickets.push(TicketRow { id, seat: seat as u32, label, valid });
            }
        }
        for payment in payments.into_iter().map(payment_row) {
            if let Some(booking) = by_id.get_mut(&payment.booking) {
                booking.payment = Some(payment);
            }
        }
        Ok(())
    }
}
