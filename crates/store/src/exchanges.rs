//! A fan whose seats the system chose asks for others, once. The holder of the event's seating lease finds them, behind everybody
//! who stands; until they are the fan's, the fan keeps those held before.

use std::collections::HashMap;

use domain::seats::Choice;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::feed::Change;
use crate::holds::{Offer, insert_seats, outbox_all, prices, record_seats};
use crate::joins::Accepts;
use crate::leases::Lease;
use crate::picks::{drop_seats, given_up};
use crate::{Result, Store};

/// So often a hold's fan may ask for other seats, as long as none were to be had.
pub const EXCHANGE_ASKS_MAX: i16 = 5;

/// Whether a hold's fan asked for other seats, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeNow {
    /// Not, or not before paying began and was given up.
    #[default]
    Not,
    /// Others are looked for.
    Asked,
    /// None were to be had; the fan may ask again.
    Nothing,
    /// The seats were exchanged. It is done once.
    Done,
}

impl ExchangeNow {
    /// As a booking's row has it.
    #[must_use]
    pub fn of(stored: Option<&str>) -> Self {
        match stored {
            Some("asked") => Self::Asked,
            Some("nothing") => Self::Nothing,
            Some("done") => Self::Done,
            _ => Self::Not,
        }
    }
}

/// What a fan asks for instead of the seats held: as many as those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherSeats {
    /// Bit i wishes tier i; 0 wishes any.
    pub tiers: u32,
    /// What would do besides. Fewer seats never do.
    pub accepts: Accepts,
    /// Whether none of the sections will do in which seats are held now.
    pub elsewhere: bool,
}

/// What came of asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedExchange {
    /// Others are looked for, from now on or since before.
    Looking,
    /// The seats were exchanged before.
    Already,
    /// It was asked as often as may be.
    TooOften,
    /// The seats are being paid for, or are paid.
    Paying,
    /// The fan picked these seats, and may pick others.
    Picked,
    /// The hold is over.
    Over,
}

/// A hold whose fan asks for other seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchanging {
    /// The booking.
    pub booking: Uuid,
    /// How often its fan has asked.
    pub asks: i16,
    /// The seats held, ascending.
    pub seats: Vec<u32>,
    /// What is asked for.
    pub other: OtherSeats,
}

/// What was found for a hold whose fan asks for other seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The booking.
    pub booking: Uuid,
    /// How often its fan had asked, as far as was known.
    pub asks: i16,
    /// The other seats, as many as are held; nothing where none were to be had.
    pub found: Option<Choice>,
}

/// What came of a batch of exchanges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchanges {
    /// Exchanged: the booking, its sale, and the seats it has now.
    pub done: Vec<(Uuid, Uuid, Vec<u32>)>,
    /// So many were told that there are no others.
    pub nothing: usize,
    /// So many lack a seat that somebody else has got: they are to be chosen for again.
    pub refused: usize,
}

/// A hold under its lock that is to be exchanged.
struct Held {
    sale: Uuid,
    entry: i64,
    seats: Vec<u32>,
}

impl Store {
    /// Asks for other seats for a hold that lasts and is not being paid for; once more while they are looked for is no more than once.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn ask_exchange(&self, booking: Uuid, other: OtherSeats) -> Result<AskedExchange> {
        let mut tx = self.pool.begin().await?;
        type Row = (Uuid, Uuid, i64, String, bool, Option<String>, i16, bool);
        let row: Option<Row> = sqlx::query_as(
            "select event, sale, entry, state, deadline <= sale_clock(sale), exchange, exchange_asks,
                    (select seating = 'pick' from sale where sale.id = booking.sale)
             from booking where id = $1 for no key update",
        )
        .bind(booking)
        .fetch_optional(&mut *tx)
        .await?;
        let Some((event, sale, entry, state, overdue, exchange, asks, picked)) = row else {
            return Ok(AskedExchange::Over);
        };
        match state.as_str() {
            "paying" | "capturing" | "paid" => return Ok(AskedExchange::Paying),
            "held" if !overdue => {}
            _ => return Ok(AskedExchange::Over),
        }
        if picked {
            return Ok(AskedExchange::Picked);
        }
        match ExchangeNow::of(exchange.as_deref()) {
            ExchangeNow::Asked => return Ok(AskedExchange::Looking),
            ExchangeNow::Done if self.guards().exchange_once => return Ok(AskedExchange::Already),
            _ if asks >= EXCHANGE_ASKS_MAX => return Ok(AskedExchange::TooOften),
            _ => {}
        }
        sqlx::query(
            "update booking set exchange = 'asked', exchange_asks = exchange_asks + 1, exchange_asked_at = clock_timestamp(),
                    exchange_tiers = $2, exchange_accepts = $3, exchange_elsewhere = $4
             where id = $1",
        )
        .bind(booking)
        .bind(other.tiers.cast_signed())
        .bind(Accepts { fewer: false, ..other.accepts }.bits())
        .bind(other.elsewhere)
        .execute(&mut *tx)
        .await?;
        let records = record_seats(&mut tx, event, vec![Change::ExchangeAsked { booking, sale, entry }]).await?;
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(AskedExchange::Looking)
    }

    /// The holds of an event whose fans ask for other seats, whoever asked first first, at most `limit`.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn exchanges_asked(&self, event: Uuid, limit: i64) -> Result<Vec<Exchanging>> {
        type Row = (Uuid, i16, i32, i16, bool, Vec<i32>);
        let rows: Vec<Row> = sqlx::query_as(
            "select id, exchange_asks, exchange_tiers, exchange_accepts, exchange_elsewhere,
                    array(select seat from hold_seat h where h.booking = booking.id and h.live order by seat)
             from booking where event = $1 and exchange = 'asked' and state = 'held' and deadline > sale_clock(sale)
             order by exchange_asked_at, id limit $2",
        )
        .bind(event)
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        let exchanging = |(booking, asks, tiers, accepts, elsewhere, seats): Row| {
            let other = OtherSeats { tiers: tiers.cast_unsigned(), accepts: Accepts::from_bits(accepts), elsewhere };
            Exchanging { booking, asks, seats: seats.into_iter().map(i32::cast_unsigned).collect(), other }
        };
        Ok(rows.into_iter().map(exchanging).collect())
    }

    /// Gives holds their other seats and frees those they had, all or none for each, in one transaction by the holder of the
    /// event's seating lease; the deadlines stay. Whose seats somebody else has got meanwhile keeps those it had, and asks
    /// still. Holds that are over, being paid for or not asking any more are left as they are. For whom nothing was found is
    /// told so, and may ask again.
    ///
    /// # Errors
    /// [`crate::StoreError::Moved`] when the lease's term is over; when Postgres is away. Nothing was exchanged then.
    pub async fn exchange(&self, lease: &Lease, exchanges: &[Exchange]) -> Result<Exchanges> {
        let event = lease.scope;
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, lease).await?;
        let held = lock_held(&mut tx, event, exchanges, self.guards().exchange_held).await?;
        let asking = || exchanges.iter().filter_map(|it| Some((it.booking, held.get(&it.booking)?, it.found.as_ref())));
        let found: Vec<(Uuid, &Held, &Choice)> =
            asking().filter_map(|(booking, held, found)| Some((booking, held, found?))).collect();
        let nothing: Vec<(Uuid, &Held)> =
            asking().filter(|(.., found)| found.is_none()).map(|(booking, held, _)| (booking, held)).collect();
        let offers: Vec<Offer> = found.iter().map(|(booking, held, choice)| offer(*booking, held, choice)).collect();
        let offers: Vec<&Offer> = offers.iter().collect();
        let prices = prices(&mut tx, event, &offers).await?;
        // First the others are the fan's, then those held before are anybody's.
        let taken = insert_seats(&mut tx, event, &offers, &prices).await?;
        let is_whole = |(booking, held, choice): &(Uuid, &Held, &Choice)| {
            let taken = taken.get(booking).copied().unwrap_or(0);
            taken == choice.seats.len() && taken == held.seats.len()
        };
        let (whole, partial): (Vec<_>, Vec<_>) = found.into_iter().partition(is_whole);
        let back: Vec<(Uuid, Vec<u32>)> = partial
            .iter()
            .map(|(booking, held, choice)| {
                (*booking, choice.seats.iter().copied().filter(|seat| !held.seats.contains(seat)).collect())
            })
            .collect();
        let before = whole.iter().map(|(booking, held, _)| (*booking, held.seats.as_slice()));
        drop_seats(&mut tx, before.chain(back.iter().map(|(booking, seats)| (*booking, seats.as_slice())))).await?;
        let freed: Vec<u32> = whole.iter().flat_map(|(_, held, _)| &held.seats).copied().collect();
        given_up(&mut tx, event, &freed).await?;
        // The term stays that of the hold: by it the holds' order is checked.
        let amounts: HashMap<Uuid, i64> = sqlx::query_as::<_, (Uuid, i64)>(
            "update booking b set exchange = 'done', rung = u.rung, seat_groups = u.groups, new_singles = u.singles, quality = u.quality,
                    amount_minor = (select sum(h.price_minor + h.fee_minor) from hold_seat h where h.booking = b.id)
             from unnest($1::uuid[], $2::smallint[], $3::smallint[], $4::smallint[], $5::bigint[])
                      as u(id, rung, groups, singles, quality)
             where b.id = u.id returning b.id, b.amount_minor",
        )
        .bind(whole.iter().map(|(booking, ..)| *booking).collect::<Vec<_>>())
        .bind(whole.iter().map(|(.., choice)| choice.rung as i16).collect::<Vec<_>>())
        .bind(whole.iter().map(|(.., choice)| choice.score.groups as i16).collect::<Vec<_>>())
        .bind(whole.iter().map(|(.., choice)| choice.score.singles as i16).collect::<Vec<_>>())
        .bind(whole.iter().map(|(.., choice)| choice.score.quality.cast_signed()).collect::<Vec<_>>())
        .fetch_all(&mut *tx)
        .await?
        .into_iter()
        .collect();
        sqlx::query("update booking set exchange = 'nothing' where id = any($1)")
            .bind(nothing.iter().map(|(booking, _)| *booking).collect::<Vec<_>>())
            .execute(&mut *tx)
            .await?;
        let mut changes = Vec::with_capacity(whole.len() + nothing.len());
        let mut told = Vec::with_capacity(whole.len());
        for &(booking, held, choice) in &whole {
            let amount_minor = amounts.get(&booking);
            told.push((booking, json!({"seats": choice.seats, "freed": held.seats, "amount_minor": amount_minor})));
            let (sale, entry, taken, freed) = (held.sale, held.entry, choice.seats.clone(), held.seats.clone());
            changes.push(Change::Exchanged { booking, sale, entry, taken, freed });
        }
        for &(booking, &Held { sale, entry, .. }) in &nothing {
            changes.push(Change::NotExchanged { booking, sale, entry });
        }
        outbox_all(&mut tx, "hold.changed", told).await?;
        let records = record_seats(&mut tx, event, changes).await?;
        let done = Exchanges {
            done: whole.iter().map(|(booking, held, choice)| (*booking, held.sale, choice.seats.clone())).collect(),
            nothing: nothing.len(),
            refused: partial.len(),
        };
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(done)
    }
}

/// Locks those of these holds that last, are not being paid for, and ask as often as was known; answers what they have.
async fn lock_held(
    tx: &mut PgConnection,
    event: Uuid,
    exchanges: &[Exchange],
    held_check: bool,
) -> Result<HashMap<Uuid, Held>> {
    let rows: Vec<(Uuid, Uuid, i64)> = sqlx::query_as(
        "select b.id, b.sale, b.entry from booking b join unnest($2::uuid[], $3::smallint[]) as u(id, asks) on u.id = b.id
         where b.event = $1 and (not $4 or b.state = 'held' and b.exchange = 'asked' and b.exchange_asks = u.asks
                                           and b.deadline > sale_clock(b.sale))
         order by b.id for no key update of b",
    )
    .bind(event)
    .bind(exchanges.iter().map(|exchange| exchange.booking).collect::<Vec<_>>())
    .bind(exchanges.iter().map(|exchange| exchange.asks).collect::<Vec<_>>())
    .bind(held_check)
    .fetch_all(&mut *tx)
    .await?;
    let mut held: HashMap<Uuid, Held> =
        rows.into_iter().map(|(booking, sale, entry)| (booking, Held { sale, entry, seats: Vec::new() })).collect();
    // In a later statement than the lock, so as of the lock or newer.
    let seats: Vec<(Uuid, i32)> = sqlx::query_as(
        "select booking, seat from hold_seat where booking = any($1) and (live or not $2) order by booking, seat",
    )
    .bind(held.keys().copied().collect::<Vec<_>>())
    .bind(held_check)
    .fetch_all(tx)
    .await?;
    for (booking, seat) in seats {
        if let Some(held) = held.get_mut(&booking) {
            held.seats.push(seat.cast_unsigned());
        }
    }
    Ok(held)
}

/// The other seats as they are taken: as an offer to the booking that there is.
fn offer(booking: Uuid, held: &Held, choice: &Choice) -> Offer {
    let Held { sale, entry, .. } = *held;
    let found = Some((choice.rung, choice.score));
    Offer { booking, reference: String::new(), sale, entry, wished: 0, seats: choice.seats.clone(), found }
}
