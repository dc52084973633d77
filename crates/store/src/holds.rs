//! Holds: seats promised to one place until a deadline, resolved exactly once, judged by one clock.

use std::collections::{HashMap, HashSet};

use domain::seats::{Rung, Score};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::allotments::rooms_of_fans;
use crate::exchanges::ExchangeNow;
use crate::feed::{Change, Ending, HoldNow, HoldState, Lane, LaneKind, Record, record};
use crate::follow::ending_name;
use crate::leases::Lease;
use crate::{Result, Store};

/// Holds that lapse in one transaction, at most.
const LAPSE_BATCH: i64 = 1_000;
/// For how long after its deadline a hold with an unresolved payment keeps its seats, in milliseconds.
pub const PIN_CAP_MS: i64 = 60_000;

/// Seats chosen for an admitted place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The identifier that the booking would get.
    pub booking: Uuid,
    /// The short code to find it again.
    pub reference: String,
    /// The place's sale.
    pub sale: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// The count of the place's changes of wishes that the choice goes by.
    pub wished: i16,
    /// The seats, ascending.
    pub seats: Vec<u32>,
    /// How far down the ladder they are, and how good; nothing where they were not chosen by it.
    pub found: Option<(Rung, Score)>,
}

/// A standing place that nothing can serve any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unserved {
    /// The place's sale.
    pub sale: Uuid,
    /// The place's entry.
    pub entry: i64,
    /// The count of the place's changes of wishes that this goes by.
    pub wished: i16,
    /// Whether it was asked what else it would take, and its time to answer is over.
    pub unanswered: bool,
}

/// What came of a batch of offers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offered {
    /// Held as offered.
    pub held: Vec<HoldNow>,
    /// The places that ended because nothing fits them.
    pub unserved: Vec<(Uuid, i64)>,
    /// Not held, because somebody else had a seat of the first of these, or its sale has no more: choose again for all of them.
    pub refused: Vec<Offer>,
}

impl Store {
    /// Holds the offered seats for their places, all or none per party, in one transaction by the holder of the event's
    /// seating lease. Offers are in the line's order, and end where the first cannot be held, or goes beyond its sale's allotment. Places in `unserved` end, since
    /// nothing that fits can come free any more: none before its time to answer is over by Postgres's clock. Places that wish
    /// something else meanwhile, or whose fan may not have as many seats of the event any more, are left as they are.
    ///
    /// # Errors
    /// [`crate::StoreError::Moved`] when the lease's term is over; when Postgres is away. Nothing was held then.
    pub async fn offer(&self, lease: &Lease, offers: &[Offer], unserved: &[Unserved]) -> Result<Offered> {
        let event = lease.scope;
        let mut tx = self.pool.begin().await?;
        self.in_office(&mut tx, lease).await?;
        let sales: Vec<Uuid> = offers.iter().map(|offer| offer.sale).collect::<HashSet<_>>().into_iter().collect();
        let mut rooms = self.rooms(&mut tx, &sales).await?;
        let standing = lock_standing(&mut tx, offers, self.guards().wish_check).await?;
        let fans: Vec<Uuid> = standing.values().map(|place| place.fan).collect();
        let mut persons = rooms_of_fans(&mut tx, event, &fans).await?.filter(|_| self.guards().person_check);
        let mut may = |offer: &&Offer| {
            let place = standing.get(&(offer.sale, offer.entry))?;
            persons.as_mut().is_none_or(|rooms| rooms.take(place.fan, offer.seats.len() as u32)).then_some(())
        };
        let offers: Vec<&Offer> = offers.iter().filter(|offer| may(offer).is_some()).collect();
        let mut done = Offered::default();
        let mut changes = Vec::new();
        if !offers.is_empty() {
            let prices = prices(&mut tx, event, &offers).await?;
            insert_bookings(&mut tx, event, lease.term, &offers, &standing, &prices).await?;
            let taken = insert_seats(&mut tx, event, &offers, &prices).await?;
            // Behind one that must choose again nobody is seated either: it may need what they were offered.
            let mut is_whole = |offer: &&Offer| {
                let fits = rooms.get_mut(&offer.sale).is_none_or(|room| {
                    let left = room.checked_sub(offer.seats.len() as u32);
                    *room = left.unwrap_or(*room);
                    left.is_some()
                });
                fits && taken.get(&offer.booking).is_some_and(|n| *n == offer.seats.len())
            };
            let whole: Vec<&Offer> = offers.iter().copied().take_while(|offer| is_whole(offer)).collect();
            let partial = &offers[whole.len()..];
            if !partial.is_empty() {
                let bookings: Vec<Uuid> = partial.iter().map(|offer| offer.booking).collect();
                sqlx::query("delete from hold_seat where booking = any($1)").bind(&bookings).execute(&mut *tx).await?;
                sqlx::query("delete from booking where id = any($1)").bind(&bookings).execute(&mut *tx).await?;
                done.refused = partial.iter().copied().cloned().collect();
            }
            let places: Vec<Uuid> = whole.iter().map(|offer| standing[&(offer.sale, offer.entry)].place).collect();
            sqlx::query("update place set state = 'holding' where id = any($1)")
                .bind(&places)
                .execute(&mut *tx)
                .await?;
            let bookings: Vec<Uuid> = whole.iter().map(|offer| offer.booking).collect();
            let deadlines: HashMap<Uuid, i64> =
                sqlx::query_as::<_, (Uuid, i64)>("select id, to_ms(deadline) from booking where id = any($1)")
                    .bind(&bookings)
                    .fetch_all(&mut *tx)
                    .await?
                    .into_iter()
                    .collect();
            for offer in whole {
                let hold = HoldNow {
                    booking: offer.booking,
                    sale: offer.sale,
                    entry: offer.entry,
                    seats: offer.seats.clone(),
                    state: HoldState::Held,
                    deadline_ms: deadlines[&offer.booking],
                    declined: false,
                    extended: false,
                    exchange: ExchangeNow::Not,
                };
                changes.push(Change::Held(hold.clone()));
                done.held.push(hold);
            }
        }
        // Whoever must choose again may leave something for them after all.
        if !unserved.is_empty() && done.refused.is_empty() {
            done.unserved = sqlx::query_as(
                "update place p set state = 'sold_out', ended_at = clock_timestamp()
                 from unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::boolean[]) as u(sale, entry, wished, unanswered)
                 where p.sale = u.sale and p.entry = u.entry and p.wished = u.wished and p.state = 'standing'
                   and (not u.unanswered or p.asked_until <= clock_timestamp() or not $5) returning p.sale, p.entry",
            )
            .bind(unserved.iter().map(|place| place.sale).collect::<Vec<_>>())
            .bind(unserved.iter().map(|place| place.entry).collect::<Vec<_>>())
            .bind(unserved.iter().map(|place| place.wished).collect::<Vec<_>>())
            .bind(unserved.iter().map(|place| place.unanswered).collect::<Vec<_>>())
            .bind(self.guards().answer_time)
            .fetch_all(&mut *tx)
            .await?;
            changes.extend(done.unserved.iter().map(|(sale, entry)| Change::Unserved { sale: *sale, entry: *entry }));
        }
        if changes.is_empty() {
            tx.commit().await?;
            return Ok(done);
        }
        let created = done
            .held
            .iter()
            .map(|hold| (hold.booking, json!({"seats": hold.seats, "deadline_ms": hold.deadline_ms})))
            .collect();
        outbox_all(&mut tx, "hold.created", created).await?;
        let record = record(&mut tx, seats_lane(event), changes).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok(done)
    }

    /// Ends every hold whose deadline has passed by Postgres's clock, and pins those with a payment unresolved. Answers how
    /// many lapsed, how many were pinned, and when the next deadline comes, in milliseconds from now.
    ///
    /// # Errors
    /// When Postgres is away.
    pub async fn lapse_due(&self) -> Result<(u64, u64, Option<i64>)> {
        // Without the clock check, a hold counts as due a day early: the planted fault that a test must see.
        let early_ms = if self.guards().clock_check { 0.0 } else { 86_400_000.0 };
        // `now()`, when the transaction began, which is never ahead of the clock; an index cannot be asked for the clock itself.
        // A sale's clock is never ahead of it either.
        let events: Vec<Uuid> = sqlx::query_scalar(
            "with overdue as materialized (
                 select event, sale, min(deadline) as first from booking
                 where (state = 'held' or (state = 'paying' and pinned_until is null)) and deadline <= now() + $1 * interval '1 ms'
                 group by event, sale)
             select distinct event from overdue where first <= now() - clock_lag(sale, now()) + $1 * interval '1 ms' or not $2",
        )
        .bind(early_ms)
        .bind(self.guards().freeze_check)
        .fetch_all(&self.pool)
        .await?;
        let (mut lapsed, mut pinned) = (0, 0);
        for event in events {
            let (more_lapsed, more_pinned) = self.lapse_event(event, early_ms).await?;
            lapsed += more_lapsed;
            pinned += more_pinned;
        }
        // What is overdue by now is somebody's just now, or has a clock that is behind: it is looked at again before long.
        let next: Option<i64> = sqlx::query_scalar(
            "select to_ms(min(deadline)) - to_ms(clock_timestamp()) from booking
             where (state = 'held' or (state = 'paying' and pinned_until is null)) and deadline > now()",
        )
        .fetch_one(&self.pool)
        .await?;
        Ok((lapsed, pinned, next))
    }

    async fn lapse_event(&self, event: Uuid, early_ms: f64) -> Result<(u64, u64)> {
        let mut tx = self.pool.begin().await?;
        self.clock_runs(&mut tx, event).await?;
        let due: Vec<(Uuid, String)> = sqlx::query_as(
            "with clock as materialized (
                 select id as of_sale, case when $4 then sale_clock(id) else clock_timestamp() end as at from sale where event = $1)
             select id, state from booking join clock on of_sale = sale
             where event = $1 and (state = 'held' or (state = 'paying' and pinned_until is null))
               and deadline <= now() + $2 * interval '1 ms' and deadline <= clock.at + $2 * interval '1 ms'
             order by deadline limit $3 for no key update of booking skip locked",
        )
        .bind(event)
        .bind(early_ms)
        .bind(LAPSE_BATCH)
        .bind(self.guards().freeze_check)
        .fetch_all(&mut *tx)
        .await?;
        let of = |wanted: &str| due.iter().filter(|(_, state)| state == wanted).map(|(id, _)| *id).collect::<Vec<_>>();
        let (held, paying) = (of("held"), of("paying"));
        let mut changes = end_holds(&mut tx, &held, "lapsed", Ending::Lapsed).await?;
        let lapsed = changes.len() as u64;
        if !paying.is_empty() {
            // The payment is looked at right now; the provider's answer decides, up to the cap.
            sqlx::query("update booking set pinned_until = deadline + $2 * interval '1 ms' where id = any($1)")
                .bind(&paying)
                .bind(PIN_CAP_MS as f64)
                .execute(&mut *tx)
                .await?;
            sqlx::query("update payment set due_at = clock_timestamp() where booking = any($1) and state in ('created', 'open', 'declined')")
                .bind(&paying)
                .execute(&mut *tx)
                .await?;
            changes.extend(moved(&mut tx, &paying).await?);
        }
        if changes.is_empty() {
            return Ok((0, 0));
        }
        let record = record(&mut tx, seats_lane(event), changes).await?;
        tx.commit().await?;
        self.publish(event, &[record]).await;
        Ok((lapsed, paying.len() as u64))
    }
}

pub(crate) const fn seats_lane(event: Uuid) -> Lane {
    Lane { scope: event, kind: LaneKind::Seats }
}

/// Ends these bookings, frees their seats and ends their places; answers the changes to record.
pub(crate) async fn end_holds(
    tx: &mut PgConnection,
    bookings: &[Uuid],
    state: &'static str,
    how: Ending,
) -> Result<Vec<Change>> {
    if bookings.is_empty() {
        return Ok(Vec::new());
    }
    let ended: Vec<(Uuid, Uuid, i64, Uuid)> = sqlx::query_as(
        "update booking set state = $2, ended_at = clock_timestamp() where id = any($1) returning id, sale, entry, place",
    )
    .bind(bookings)
    .bind(state)
    .fetch_all(&mut *tx)
    .await?;
    let freed: Vec<(Uuid, i32)> =
        sqlx::query_as("update hold_seat set live = false where booking = any($1) and live returning booking, seat")
            .bind(bookings)
            .fetch_all(&mut *tx)
            .await?;
    let mut seats: HashMap<Uuid, Vec<u32>> = HashMap::new();
    for (booking, seat) in freed {
        seats.entry(booking).or_default().push(seat as u32);
    }
    let places: Vec<Uuid> = ended.iter().map(|(_, _, _, place)| *place).collect();
    sqlx::query("update place set state = $2, ended_at = coalesce(ended_at, clock_timestamp()) where id = any($1)")
        .bind(&places)
        .bind(ending_name(how))
        .execute(&mut *tx)
        .await?;
    let mut changes = Vec::with_capacity(ended.len());
    let mut told = Vec::with_capacity(ended.len());
    for (booking, sale, entry, _) in ended {
        let mut seats = seats.remove(&booking).unwrap_or_default();
        seats.sort_unstable();
        told.push((booking, json!({"seats": seats})));
        changes.push(Change::Ended { booking, sale, entry, how, seats });
    }
    outbox_all(tx, &format!("booking.{state}"), told).await?;
    Ok(changes)
}

/// The live holds' present state, as changes to record.
pub(crate) async fn moved(tx: &mut PgConnection, bookings: &[Uuid]) -> Result<Vec<Change>> {
    type Row = (Uuid, String, bool, i64, bool, bool);
    let rows: Vec<Row> = sqlx::query_as(
        "select id, state, pinned_until is not null, to_ms(deadline), declined, extended from booking where id = any($1)",
    )
    .bind(bookings)
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(booking, state, pinned, deadline_ms, declined, extended)| {
            let state = match (state.as_str(), pinned) {
                ("held", _) => HoldState::Held,
                ("paying", false) => HoldState::Paying,
                ("paying", true) => HoldState::Pinned,
                _ => HoldState::Capturing,
            };
            Change::Moved { booking, state, deadline_ms, declined, extended }
        })
        .collect())
}

/// A message for later readers, in the transaction of its cause.
pub(crate) async fn outbox(tx: &mut PgConnection, kind: &str, aggregate: Uuid, data: &serde_json::Value) -> Result<()> {
    sqlx::query("insert into outbox (kind, aggregate, data) values ($1, $2, $3)")
        .bind(kind)
        .bind(aggregate)
        .bind(data)
        .execute(tx)
        .await?;
    Ok(())
}

/// Messages of one kind, in one statement.
pub(crate) async fn outbox_all(
    tx: &mut PgConnection,
    kind: &str,
    messages: Vec<(Uuid, serde_json::Value)>,
) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let (aggregates, data): (Vec<Uuid>, Vec<serde_json::Value>) = messages.into_iter().unzip();
    sqlx::query(
        "insert into outbox (kind, aggregate, data)
         select $1, u.aggregate, u.data from unnest($2::uuid[], $3::jsonb[]) with ordinality as u(aggregate, data, nth) order by u.nth",
    )
    .bind(kind)
    .bind(aggregates)
    .bind(data)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records changes of an event's seats in the transaction at hand, as its last step.
pub(crate) async fn record_seats(tx: &mut PgConnection, event: Uuid, changes: Vec<Change>) -> Result<Vec<Record>> {
    if changes.is_empty() { Ok(Vec::new()) } else { Ok(vec![record(tx, seats_lane(event), changes).await?]) }
}

/// An admitted place that seats are to be held for.
pub(crate) struct StandingPlace {
    pub(crate) place: Uuid,
    pub(crate) fan: Uuid,
    pub(crate) hold_ttl_ms: i32,
}

async fn lock_standing(
    tx: &mut PgConnection,
    offers: &[Offer],
    wish_check: bool,
) -> Result<HashMap<(Uuid, i64), StandingPlace>> {
    let rows: Vec<(Uuid, i64, Uuid, Uuid, i32)> = sqlx::query_as(
        "select p.sale, p.entry, p.id, p.fan, s.hold_ttl_ms from place p join sale s on s.id = p.sale
              join unnest($1::uuid[], $2::bigint[], $3::smallint[]) as u(sale, entry, wished)
                   on u.sale = p.sale and u.entry = p.entry and (u.wished = p.wished or not $4)
         where p.state = 'standing'
         order by p.sale, p.entry for no key update of p",
    )
    .bind(offers.iter().map(|offer| offer.sale).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.entry).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.wished).collect::<Vec<_>>())
    .bind(wish_check)
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(sale, entry, place, fan, hold_ttl_ms)| ((sale, entry), StandingPlace { place, fan, hold_ttl_ms }))
        .collect())
}

/// What a seat costs, and in which tier it is.
pub(crate) struct Price {
    tier: i16,
    price_minor: i64,
    fee_minor: i64,
}

/// The prices of the offered seats; none of those that the event has not.
pub(crate) async fn prices(tx: &mut PgConnection, event: Uuid, offers: &[&Offer]) -> Result<HashMap<u32, Price>> {
    let seats: HashSet<i32> = offers.iter().flat_map(|offer| &offer.seats).map(|seat| seat.cast_signed()).collect();
    let rows: Vec<(i32, i16, i64, i64)> = sqlx::query_as(
        "select s.seat, s.tier, t.price_minor, t.fee_minor from seat s join tier t on t.event = s.event and t.tier = s.tier
         where s.event = $1 and s.seat = any($2)",
    )
    .bind(event)
    .bind(seats.into_iter().collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(seat, tier, price_minor, fee_minor)| (seat as u32, Price { tier, price_minor, fee_minor }))
        .collect())
}

/// Makes the bookings around the offered seats. `term` is that of the lease under which they were chosen.
pub(crate) async fn insert_bookings(
    tx: &mut PgConnection,
    event: Uuid,
    term: i64,
    offers: &[&Offer],
    standing: &HashMap<(Uuid, i64), StandingPlace>,
    prices: &HashMap<u32, Price>,
) -> Result<()> {
    let of = |offer: &Offer| &standing[&(offer.sale, offer.entry)];
    let amount = |offer: &Offer| {
        offer.seats.iter().filter_map(|seat| prices.get(seat)).map(|p| p.price_minor + p.fee_minor).sum::<i64>()
    };
    sqlx::query(
        "with clock as materialized (
             select id as of_sale, now.at, now.at - clock_lag(id, now.at) as reads
             from sale cross join (select clock_timestamp() as at) now where id = any($4))
         insert into booking (id, event, sale, place, entry, fan, reference, state, amount_minor, currency, held_at, deadline, term,
                              rung, seat_groups, new_singles, quality)
         select u.id, $1, u.sale, u.place, u.entry, u.fan, u.reference, 'held', u.amount, e.currency, clock.at,
                clock.reads + u.ttl * interval '1 ms', $2, u.rung, u.groups, u.singles, u.quality
         from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::uuid[], $8::text[], $9::bigint[], $10::integer[],
                     $11::smallint[], $12::smallint[], $13::smallint[], $14::bigint[])
                  as u(id, sale, place, entry, fan, reference, amount, ttl, rung, groups, singles, quality)
              join clock on of_sale = u.sale cross join (select clock_timestamp() as at) now join event e on e.id = $1",
    )
    .bind(event)
    .bind(term)
    .bind(offers.iter().map(|offer| offer.booking).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.sale).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| of(offer).place).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.entry).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| of(offer).fan).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.reference.clone()).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| amount(offer)).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| of(offer).hold_ttl_ms).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.found.map(|(rung, _)| rung as i16)).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.found.map(|(_, score)| score.groups as i16)).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.found.map(|(_, score)| score.singles as i16)).collect::<Vec<_>>())
    .bind(offers.iter().map(|offer| offer.found.map(|(_, score)| score.quality.cast_signed())).collect::<Vec<_>>())
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes the seats, in ascending order across the batch so that two batches cannot lock each other out; the unique index on
/// live seats judges, within the batch for whoever is named first. Answers how many each booking got.
pub(crate) async fn insert_seats(
    tx: &mut PgConnection,
    event: Uuid,
    offers: &[&Offer],
    prices: &HashMap<u32, Price>,
) -> Result<HashMap<Uuid, usize>> {
    let mut rows: Vec<(u32, Uuid, &Price)> = offers
        .iter()
        .flat_map(|offer| offer.seats.iter().map(move |seat| (*seat, offer.booking)))
        .filter_map(|(seat, booking)| Some((seat, booking, prices.get(&seat)?)))
        .collect();
    rows.sort_by_key(|(seat, ..)| *seat);
    let taken: Vec<Uuid> = sqlx::query_scalar(
        "insert into hold_seat (booking, seat, event, tier, price_minor, fee_minor)
         select u.booking, u.seat, $1, u.tier, u.price, u.fee
         from unnest($2::uuid[], $3::integer[], $4::smallint[], $5::bigint[], $6::bigint[]) with ordinality
                  as u(booking, seat, tier, price, fee, nth)
         order by u.nth
         on conflict do nothing returning booking",
    )
    .bind(event)
    .bind(rows.iter().map(|(_, booking, _)| *booking).collect::<Vec<_>>())
    .bind(rows.iter().map(|(seat, ..)| seat.cast_signed()).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, _, price)| price.tier).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, _, price)| price.price_minor).collect::<Vec<_>>())
    .bind(rows.iter().map(|(_, _, price)| price.fee_minor).collect::<Vec<_>>())
    .fetch_all(tx)
    .await?;
    let mut counts = HashMap::new();
    for booking in taken {
        *counts.entry(booking).or_insert(0) += 1;
    }
    Ok(counts)
}
