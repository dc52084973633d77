//! Picking: seats that fans choose themselves on the live map. The line governs who may; among those, who asks first.
//!
//! A fan says which seats to hold from now on, and gets all of them or keeps what there was: so a click, several at once, a swap and
//! giving some back are one operation. The booking begins with the first seats, and its deadline is not moved by taking others.

mod lost;
mod shopping;

use std::collections::{HashMap, HashSet};

use serde_json::json;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use crate::allotments::rooms_of_fans;
use crate::exchanges::ExchangeNow;
use crate::feed::{Change, HoldNow, HoldState};
use crate::holds::{Offer, StandingPlace, insert_bookings, insert_seats, outbox_all, prices, record_seats};
use crate::joins::Accepts;
use crate::{Result, Store};

/// A fan changes what they hold at most so often: whoever goes on and on keeps seats from others.
pub const PICKS_MAX: i16 = 100;

/// What a fan wants to hold from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pick {
    /// The fan's place.
    pub place: Uuid,
    /// The fan.
    pub fan: Uuid,
    /// The identifier that a booking would get.
    pub booking: Uuid,
    /// The short code to find it again.
    pub reference: String,
    /// Ascending, distinct.
    pub seats: Vec<u32>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Picked {
    /// These seats are held now.
    Held(HoldNow),
    /// Somebody else has some of them; all is as it was.
    Taken {
        /// Which.
        seats: Vec<u32>,
        /// Whether the party needs an accessible seat.
        accessible: bool,
    },
    /// Somebody else asked for some at the same moment, and got none either: to be asked again at once.
    Again,
    /// There is no such admitted place of this fan, or its seats are not picked.
    NoPlace,
    /// The time to pick, or the hold, is over.
    Over,
    /// A payment is on its way.
    Paying,
    /// More seats than the party has people.
    Party {
        /// So many it has.
        most: u8,
    },
    /// More seats than one person may have of the event.
    Person {
        /// So many one may have.
        most: u32,
    },
    /// The sale may not have so many more seats; others of it may come free.
    Allotment,
    /// Some of the seats are kept for parties that need an accessible one.
    Kept,
    /// The event has no such seats, or none were named and none were held.
    NoSeats,
    /// The fan changed what they hold as often as one may.
    TooOften,
}

#[derive(sqlx::FromRow)]
struct PlaceRow {
    id: Uuid,
    sale: Uuid,
    entry: i64,
    fan: Uuid,
    party: i16,
    accepts: i16,
    state: String,
    picks: i16,
    hold_ttl_ms: i32,
    in_time: bool,
}

impl PlaceRow {
    fn needs_accessible(&self) -> bool {
        Accepts::from_bits(self.accepts).accessible
    }
}

#[derive(sqlx::FromRow)]
struct BookingRow {
    id: Uuid,
    place: Uuid,
    state: String,
    overdue: bool,
}

/// A pick that may be made if its seats can be had.
struct Move<'a> {
    nth: usize,
    pick: &'a Pick,
    place: &'a PlaceRow,
    /// Whether the booking is new.
    first: bool,
    offer: Offer,
    freed: Vec<u32>,
}

impl Store {
    /// Lets fans hold the seats that they chose, in one transaction: each all or none, judged by the unique index on live seats, of
    /// two in the same batch the first. Answers what came of each, in their order. At most one per place. `is_kept` says which seats
    /// only parties with a need for an accessible one may take.
    ///
    /// # Errors
    /// When Postgres is away. Nothing has changed then.
    pub async fn pick(
        &self,
        event: Uuid,
        picks: &[Pick],
        is_kept: &(dyn Fn(u32) -> bool + Sync),
    ) -> Result<Vec<Picked>> {
        let mut tx = self.pool.begin().await?;
        // An edit of the seat map goes before or after.
        sqlx::query("select from event where id = $1 for key share").bind(event).execute(&mut *tx).await?;
        let places: Vec<Uuid> = picks.iter().map(|pick| pick.place).collect();
        // Sales, bookings, places, seats, the lane: as everybody else locks them.
        let sales: Vec<Uuid> = sqlx::query_scalar(
            "select distinct p.sale from place p join sale s on s.id = p.sale
             where p.id = any($1) and p.state in ('standing', 'holding') and s.event = $2 and s.seating = 'pick'",
        )
        .bind(&places)
        .bind(event)
        .fetch_all(&mut *tx)
        .await?;
        let mut rooms = self.rooms(&mut tx, &sales).await?;
        let bookings = bookings_of(&mut tx, &places, Lock::Held).await?;
        let rows = places_of(&mut tx, event, &places, self.guards().shop_time, Lock::Held).await?;
        let fans: Vec<Uuid> = picks.iter().map(|pick| pick.fan).collect();
        let mut persons = rooms_of_fans(&mut tx, event, &fans).await?.filter(|_| self.guards().person_check);
        let own = own_seats(&mut tx, &bookings).await?;
        let mut done: Vec<Picked> = Vec::with_capacity(picks.len());
        let mut moves = Vec::new();
        for (nth, pick) in picks.iter().enumerate() {
            let held = bookings.get(&pick.place);
            let booking = held.map_or(pick.booking, |held| held.id);
            let has: &[u32] = own.get(&booking).map_or(&[], Vec::as_slice);
            done.push(match may(pick, rows.get(&pick.place), held, has, is_kept) {
                Err(refusal) => refusal,
                Ok(place) => {
                    let seats = pick.seats.iter().copied().filter(|seat| !has.contains(seat)).collect();
                    let freed = has.iter().copied().filter(|seat| !pick.seats.contains(seat)).collect();
                    let (reference, sale, entry) = (pick.reference.clone(), place.sale, place.entry);
                    let offer = Offer { booking, reference, sale, entry, wished: 0, seats, found: None };
                    moves.push(Move { nth, pick, place, first: held.is_none(), offer, freed });
                    Picked::Again
                }
            });
        }
        let offers: Vec<&Offer> = moves.iter().map(|made| &made.offer).collect();
        let prices = prices(&mut tx, event, &offers).await?;
        moves.retain(|made| {
            let known = made.offer.seats.iter().all(|seat| prices.contains_key(seat));
            if !known {
                done[made.nth] = Picked::NoSeats;
            }
            known
        });
        if moves.is_empty() {
            tx.rollback().await?;
            return Ok(done);
        }
        let offers: Vec<&Offer> = moves.iter().map(|made| &made.offer).collect();
        let new: Vec<&Offer> = moves.iter().filter(|made| made.first).map(|made| &made.offer).collect();
        let standing =
            |place: &PlaceRow| StandingPlace { place: place.id, fan: place.fan, hold_ttl_ms: place.hold_ttl_ms };
        let standing: HashMap<(Uuid, i64), StandingPlace> =
            moves.iter().map(|made| ((made.place.sale, made.place.entry), standing(made.place))).collect();
        if !new.is_empty() {
            insert_bookings(&mut tx, event, 0, &new, &standing, &prices).await?;
        }
        let got = insert_seats(&mut tx, event, &offers, &prices).await?;
        let (whole, lost): (Vec<Move<'_>>, Vec<Move<'_>>) = moves.into_iter().partition(|made| {
            let (take, free) = (made.offer.seats.len(), made.freed.len());
            if got.get(&made.offer.booking).copied().unwrap_or(0) < take {
                return false;
            }
            let more = take.saturating_sub(free) as u32;
            let fits = rooms.get_mut(&made.place.sale).is_none_or(|room| {
                let left = room.checked_sub(more);
                *room = left.unwrap_or(*room);
                left.is_some()
            });
            if !fits {
                done[made.nth] = Picked::Allotment;
                return false;
            }
            if let Some(persons) = persons.as_mut().filter(|_| more > 0)
                && !persons.take(made.pick.fan, more)
            {
                done[made.nth] = Picked::Person { most: persons.most };
                return false;
            }
            true
        });
        take_back(&mut tx, event, &lost, &mut done).await?;
        let changes = settle(&mut tx, event, &whole, &mut done).await?;
        let records = record_seats(&mut tx, event, changes).await?;
        tx.commit().await?;
        self.publish(event, &records).await;
        Ok(done)
    }
}

/// Whether the fan, who `has` these seats now, may hold those, as far as the place tells.
fn may<'a>(
    pick: &Pick,
    place: Option<&'a PlaceRow>,
    held: Option<&BookingRow>,
    has: &[u32],
    is_kept: &(dyn Fn(u32) -> bool + Sync),
) -> std::result::Result<&'a PlaceRow, Picked> {
    let Some(place) = place.filter(|place| place.fan == pick.fan) else { return Err(Picked::NoPlace) };
    match (held, place.state.as_str()) {
        (Some(held), _) if held.state != "held" => return Err(Picked::Paying),
        (Some(held), _) if held.overdue => return Err(Picked::Over),
        (None, "standing") if !place.in_time => return Err(Picked::Over),
        (None, "standing") if pick.seats.is_empty() => return Err(Picked::NoSeats),
        (Some(_), _) | (None, "standing") => {}
        // Another page of the fan held seats since we looked.
        (None, "holding") => return Err(Picked::Again),
        _ => return Err(Picked::NoPlace),
    }
    // Asking for what one has changes nothing.
    if place.picks >= PICKS_MAX && pick.seats != has {
        return Err(Picked::TooOften);
    }
    if pick.seats.len() > usize::from(place.party.unsigned_abs()) {
        return Err(Picked::Party { most: place.party as u8 });
    }
    if !place.needs_accessible() && pick.seats.iter().any(|seat| !has.contains(seat) && is_kept(*seat)) {
        return Err(Picked::Kept);
    }
    Ok(place)
}

/// Whether rows stay locked until the end of the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lock {
    Held,
    None,
}

async fn bookings_of(tx: &mut PgConnection, places: &[Uuid], lock: Lock) -> Result<HashMap<Uuid, BookingRow>> {
    let locked = if lock == Lock::Held { "order by id for no key update" } else { "" };
    let rows: Vec<BookingRow> = sqlx::query_as(AssertSqlSafe(format!(
        "select id, place, state, deadline <= sale_clock(sale) as overdue from booking
         where place = any($1) and state in ('held', 'paying', 'capturing') {locked}"
    )))
    .bind(places)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.place, row)).collect())
}

/// The admitted places in sales where fans pick. A waiting one is never locked here: the pace locks those in another order.
async fn places_of(
    tx: &mut PgConnection,
    event: Uuid,
    places: &[Uuid],
    shop_time: bool,
    lock: Lock,
) -> Result<HashMap<Uuid, PlaceRow>> {
    let locked = if lock == Lock::Held { "order by p.sale, p.entry for no key update of p" } else { "" };
    let rows: Vec<PlaceRow> = sqlx::query_as(AssertSqlSafe(format!(
        "select p.id, p.sale, p.entry, p.fan, p.party, p.accepts, p.state, p.picks, s.hold_ttl_ms,
                coalesce(p.shops_until > sale_clock(p.sale), false) or not $3 as in_time
         from place p join sale s on s.id = p.sale where p.id = any($1) and p.state in ('standing', 'holding') and s.event = $2 and s.seating = 'pick' {locked}"
    )))
    .bind(places)
    .bind(event)
    .bind(shop_time)
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row)).collect())
}

/// What each booking has now, ascending.
async fn own_seats(tx: &mut PgConnection, bookings: &HashMap<Uuid, BookingRow>) -> Result<HashMap<Uuid, Vec<u32>>> {
    let rows: Vec<(Uuid, i32)> =
        sqlx::query_as("select booking, seat from hold_seat where booking = any($1) and live order by booking, seat")
            .bind(bookings.values().map(|row| row.id).collect::<Vec<_>>())
            .fetch_all(tx)
            .await?;
    let mut own: HashMap<Uuid, Vec<u32>> = HashMap::new();
    for (booking, seat) in rows {
        own.entry(booking).or_default().push(seat.cast_unsigned());
    }
    Ok(own)
}

/// Gives back what was taken for those who did not get all, and says what each could not get.
async fn take_back(tx: &mut PgConnection, event: Uuid, lost: &[Move<'_>], done: &mut [Picked]) -> Result<()> {
    if lost.is_empty() {
        return Ok(());
    }
    drop_seats(tx, lost.iter().map(|made| (made.offer.booking, made.offer.seats.as_slice()))).await?;
    let new: Vec<Uuid> = lost.iter().filter(|made| made.first).map(|made| made.offer.booking).collect();
    sqlx::query("delete from booking where id = any($1)").bind(&new).execute(&mut *tx).await?;
    let wanted: Vec<i32> = lost.iter().flat_map(|made| &made.offer.seats).map(|seat| seat.cast_signed()).collect();
    let taken: Vec<i32> = sqlx::query_scalar("select seat from hold_seat where event = $1 and live and seat = any($2)")
        .bind(event)
        .bind(&wanted)
        .fetch_all(tx)
        .await?;
    let taken: HashSet<u32> = taken.into_iter().map(i32::cast_unsigned).collect();
    for made in lost {
        if done[made.nth] != Picked::Again {
            continue;
        }
        let seats: Vec<u32> = made.offer.seats.iter().copied().filter(|seat| taken.contains(seat)).collect();
        if !seats.is_empty() {
            done[made.nth] = Picked::Taken { seats, accessible: made.place.needs_accessible() };
        }
    }
    Ok(())
}

/// Takes seats out of bookings as if they had never had them: what became of them is in the seats lane.
pub(crate) async fn drop_seats<'a>(tx: &mut PgConnection, rows: impl Iterator<Item = (Uuid, &'a [u32])>) -> Result<()> {
    let rows = rows.flat_map(|(booking, seats)| seats.iter().map(move |seat| (booking, seat.cast_signed())));
    let (bookings, seats): (Vec<Uuid>, Vec<i32>) = rows.unzip();
    if bookings.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "delete from hold_seat h using unnest($1::uuid[], $2::integer[]) as u(booking, seat)
         where h.booking = u.booking and h.seat = u.seat",
    )
    .bind(bookings)
    .bind(seats)
    .execute(tx)
    .await?;
    Ok(())
}

/// Notes that somebody had these seats, of whom no other trace is kept than the lane's: an edit of the map must not change them.
pub(crate) async fn given_up(tx: &mut PgConnection, event: Uuid, seats: &[u32]) -> Result<()> {
    if seats.is_empty() {
        return Ok(());
    }
    sqlx::query("update seat set given_up = true where event = $1 and seat = any($2) and not given_up")
        .bind(event)
        .bind(seats.iter().map(|seat| seat.cast_signed()).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}

/// Makes the moves of those who got all, and answers the changes to record.
async fn settle(tx: &mut PgConnection, event: Uuid, whole: &[Move<'_>], done: &mut [Picked]) -> Result<Vec<Change>> {
    let freed: Vec<u32> = whole.iter().flat_map(|made| &made.freed).copied().collect();
    drop_seats(tx, whole.iter().map(|made| (made.offer.booking, made.freed.as_slice()))).await?;
    given_up(tx, event, &freed).await?;
    let moved = |made: &&Move<'_>| !made.offer.seats.is_empty() || !made.freed.is_empty();
    let places: Vec<Uuid> = whole.iter().filter(moved).map(|made| made.place.id).collect();
    sqlx::query("update place set state = 'holding', picks = picks + 1 where id = any($1)")
        .bind(&places)
        .execute(&mut *tx)
        .await?;
    let bookings: Vec<Uuid> = whole.iter().map(|made| made.offer.booking).collect();
    type Row = (Uuid, i64, bool, bool);
    let rows: Vec<Row> = sqlx::query_as(
        "update booking b set amount_minor = (select coalesce(sum(price_minor + fee_minor), 0) from hold_seat where booking = b.id)
         where id = any($1) returning id, to_ms(deadline), declined, extended",
    )
    .bind(&bookings)
    .fetch_all(&mut *tx)
    .await?;
    let rows: HashMap<Uuid, Row> = rows.into_iter().map(|row| (row.0, row)).collect();
    let (mut created, mut changed, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for made in whole {
        let Move { offer, freed, pick, .. } = made;
        let Some((booking, deadline_ms, declined, extended)) = rows.get(&offer.booking).copied() else { continue };
        let hold = HoldNow {
            booking,
            sale: offer.sale,
            entry: offer.entry,
            seats: pick.seats.clone(),
            state: HoldState::Held,
            deadline_ms,
            declined,
            extended,
            exchange: ExchangeNow::Not,
        };
        let told = (booking, json!({"seats": hold.seats, "deadline_ms": deadline_ms}));
        if made.first {
            created.push(told);
            changes.push(Change::Held(hold.clone()));
        } else if moved(&made) {
            changed.push(told);
            changes.push(Change::Exchanged {
                booking,
                sale: offer.sale,
                entry: offer.entry,
                taken: offer.seats.clone(),
                freed: freed.clone(),
            });
        }
        done[made.nth] = Picked::Held(hold);
    }
    outbox_all(tx, "hold.created", created).await?;
    outbox_all(tx, "hold.changed", changed).await?;
    Ok(changes)
}
