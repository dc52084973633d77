//! One fault for every check of `verify`, to be planted in a copy of a sound history.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::history::Cast;
use crate::world::{Result, World};

/// How a fault gets into a database.
pub enum Plant {
    Sql(fn(&Cast) -> String),
    Deeds(for<'w> fn(&'w World, &'w Cast) -> BoxFuture<'w, Result>),
}
use Plant::{Deeds, Sql};

/// The name of a check, and what it must see.
pub const FAULTS: &[(&str, Plant)] = &[
    // The log: one word, one time, one version, and a tail rewritten without its head.
    ("log-is-chained", Sql(|_| told_in_pace("\"max_active\":100", "\"max_active\":101"))),
    (
        "log-is-chained",
        Sql(|_| "update feed_record set at = at + interval '1 ms' where kind = 'joins' and version = 1".to_owned()),
    ),
    ("log-is-chained", Sql(|_| "update lane set head = '' where kind = 'seats'".to_owned())),
    ("heads-are-chained", Sql(|_| head("''", "1", "''"))),
    ("heads-are-chained", Sql(|_| head("sha256('')", "2", "''"))),
    ("heads-are-in-the-lanes", Sql(|_| head("''", "1", "sha256('')"))),
    // A place put elsewhere that nobody noted; a note that no record and no audit line bears out.
    (
        "puts-are-noted",
        Sql(|c| {
            told_in_pace("\"k\":\"left\",\"entry\":12", &format!("\"k\":\"put\",\"entry\":{},\"class\":0", c.waiting))
        }),
    ),
    (
        "mending-is-audited",
        Sql(|_| {
            "insert into mending (sale, version, at, place, entry, action, state_before, class_before, class, audit)
             select p.sale, 1, clock_timestamp(), p.id, p.entry, 'remove', 'waiting', 10, 10, a.id
             from place p, (select id from audit order by id limit 1) a where p.entry = 12"
                .to_owned()
        }),
    ),
    // Seats.
    (
        "seat-held-once",
        Sql(|c| format!("drop index seat_live_unique; update hold_seat set seat = 6 where booking = '{}'", c.held)),
    ),
    (
        "seat-ticketed-once",
        Sql(|_| {
            "drop index ticket_valid_unique;
             insert into ticket select gen_random_uuid(), booking, event, seat, issued_at from ticket where void_at is null"
                .to_owned()
        }),
    ),
    ("live-seat-is-in-the-map", Sql(|c| format!("update hold_seat set seat = 99 where booking = '{}'", c.held))),
    (
        "pool-sums-to-capacity",
        Sql(|c| format!("update booking set state = 'released', ended_at = clock_timestamp() where id = '{}'", c.held)),
    ),
    ("tickets-per-person-kept", Sql(|_| "update event set tickets_per_person = 1".to_owned())),
    (
        "picked-in-time",
        Sql(|_| {
            "update sale set seating = 'pick'; update place set shops_until = admitted_at - interval '10 seconds'"
                .to_owned()
        }),
    ),
    ("allotment-kept", Sql(|_| "update sale set allotment = 1".to_owned())),
    ("event-sums-its-tiers", Sql(|_| "update event set capacity = capacity + 1".to_owned())),
    // Bookings.
    ("open-booking-has-its-seats", Sql(|c| format!("update hold_seat set live = false where booking = '{}'", c.held))),
    ("open-booking-has-its-seats", Sql(|c| format!("delete from hold_seat where booking = '{}'", c.held))),
    ("ended-booking-has-no-seats", Sql(|c| format!("update hold_seat set live = true where booking = '{}'", c.lapsed))),
    ("booking-is-of-its-place", Sql(|c| format!("update booking set fan = gen_random_uuid() where id = '{}'", c.held))),
    (
        "party-is-seated-as-it-wishes",
        Sql(|c| {
            format!(
                "insert into hold_seat (booking, seat, event, tier, price_minor, fee_minor)
                 select booking, 13, event, tier, price_minor, fee_minor from hold_seat where booking = '{}'",
                c.held
            )
        }),
    ),
    (
        "booking-costs-its-seats",
        Sql(|c| format!("update booking set amount_minor = amount_minor - 1 where id = '{}'", c.held)),
    ),
    (
        "place-holds-one-booking",
        Sql(|c| {
            format!(
                "update place set state = 'standing' where id = (select place from booking where id = '{}')",
                c.held
            )
        }),
    ),
    (
        "place-holds-one-booking",
        Sql(|c| {
            format!(
                "update booking set place = (select place from booking where id = '{}') where id = '{}'",
                c.paying, c.held
            )
        }),
    ),
    (
        "place-ended-as-its-booking",
        Sql(|c| {
            format!(
                "update place set state = 'released' where id = (select place from booking where id = '{}')",
                c.lapsed
            )
        }),
    ),
    (
        "place-state-is-whole",
        Sql(|c| format!("update place set ended_at = clock_timestamp() where entry = {}", c.standing[0])),
    ),
    ("booking-ended-when-over", Sql(|c| format!("update booking set ended_at = null where id = '{}'", c.lapsed))),
    (
        "outbox-tells-of-bookings",
        Sql(|c| format!("delete from outbox where kind = 'booking.paid' and aggregate = '{}'", c.paid)),
    ),
    // Money.
    (
        "ticket-is-of-a-paid-seat",
        Sql(|c| {
            format!(
                "insert into ticket select gen_random_uuid(), booking, event, seat, clock_timestamp() from hold_seat where booking = '{}'",
                c.lapsed
            )
        }),
    ),
    ("ticket-is-of-a-paid-seat", Sql(|c| format!("update ticket set seat = 5 where booking = '{}'", c.paid))),
    (
        "paid-booking-has-its-tickets",
        Sql(|c| format!("update ticket set void_at = clock_timestamp() where booking = '{}'", c.paid)),
    ),
    (
        "paid-booking-has-one-payment",
        Sql(|c| format!("update payment set amount_minor = 1 where booking = '{}'", c.paid)),
    ),
    (
        "paid-booking-has-one-payment",
        Sql(|c| format!("update payment set state = 'failed' where booking = '{}'", c.paid)),
    ),
    (
        "captured-money-is-answered-for",
        Sql(|c| format!("update payment set state = 'captured' where booking = '{}'", c.capturing)),
    ),
    (
        "captured-money-is-answered-for",
        Sql(|c| {
            format!(
                "insert into payment (id, booking, attempt, intent, amount_minor, currency, state, due_at)
                 select gen_random_uuid(), booking, 2, 'pi_twice', amount_minor, currency, state, 'infinity' from payment where booking = '{}'",
                c.paid
            )
        }),
    ),
    ("refund-is-whole-and-once", Sql(|_| "update refund set amount_minor = amount_minor - 1".to_owned())),
    (
        "refund-is-whole-and-once",
        Sql(|_| {
            "alter table refund drop constraint refund_payment_unique;
             insert into refund (id, payment, amount_minor, reason, state, due_at)
             select gen_random_uuid(), payment, amount_minor, reason, state, due_at from refund"
                .to_owned()
        }),
    ),
    ("refund-agrees-with-its-payment", Sql(|_| "update refund set state = 'failed'".to_owned())),
    (
        "one-open-attempt",
        Sql(|c| {
            format!(
                "drop index payment_open_unique;
                 insert into payment (id, booking, attempt, amount_minor, currency, state, due_at)
                 select gen_random_uuid(), booking, 2, amount_minor, currency, 'open', due_at from payment where booking = '{}'",
                c.paying
            )
        }),
    ),
    (
        "paying-booking-has-its-attempt",
        Sql(|c| format!("update payment set state = 'cancelled' where booking = '{}'", c.paying)),
    ),
    ("outbox-tells-of-money", Sql(|_| "delete from outbox where kind = 'payment.captured'".to_owned())),
    // The line.
    ("entries-are-dense", Sql(|c| format!("delete from place where entry = {}", c.waiting))),
    ("entries-are-dense", Sql(|c| format!("update place set entry = 99 where entry = {}", c.waiting))),
    (
        "entries-are-dense",
        Sql(|c| {
            format!(
                "alter table place drop constraint place_entry_unique; update place set entry = entry - 1 where entry = {}",
                c.waiting
            )
        }),
    ),
    (
        "joined-in-entry-order",
        Sql(|c| format!("update place set joined_at = joined_at - interval '1 hour' where entry = {}", c.waiting)),
    ),
    (
        "one-live-place",
        Sql(|c| {
            let [one, other] = c.standing;
            format!(
                "drop index place_live_unique; update place set fan = (select fan from place where entry = {one}) where entry = {other}"
            )
        }),
    ),
    (
        "party-is-allowed",
        Sql(|c| {
            format!(
                "alter table place drop constraint place_party_check; update place set party = 9 where entry = {}",
                c.waiting
            )
        }),
    ),
    // Who entered.
    ("code-within-its-uses", Sql(|c| used_code(c.waiting, 0))),
    (
        "code-within-its-uses",
        Sql(|c| {
            let used = used_code(c.waiting, 1);
            format!("{used}; insert into code_use select gen_random_uuid(), code, fan, at from code_use")
        }),
    ),
    (
        "code-is-in-as-many-places",
        Sql(|c| {
            let [one, other] = c.standing;
            format!(
                "{}; insert into entitlement select p.id, p.sale, a.id, 10, '' from place p, access_code a where p.entry in ({one}, {other})",
                used_code(one, 1)
            )
        }),
    ),
    (
        "transferred-place-has-one-fan",
        Sql(|c| {
            format!(
                "insert into place_transfer select '\\x01', id, gen_random_uuid(), now(), now(), now(), gen_random_uuid() from place where entry = {}",
                c.waiting
            )
        }),
    ),
    (
        "transferred-place-has-one-fan",
        Sql(|c| {
            format!(
                "insert into place_transfer
                 select t.hash, p.id, t.giver, now(), now(), t.at, case when t.last then p.fan else gen_random_uuid() end
                 from place p, (values ('\\x01'::bytea, gen_random_uuid(), now() - interval '1 s', false),
                                       ('\\x02', gen_random_uuid(), now(), true)) as t(hash, giver, at, last)
                 where p.entry = {}",
                c.waiting
            )
        }),
    ),
    // Lanes.
    ("lane-has-no-gap", Sql(|_| "delete from feed_record where kind = 'seats' and version = 2".to_owned())),
    ("lane-has-no-gap", Sql(|_| "update lane set version = version + 1 where kind = 'joins'".to_owned())),
    (
        "lane-times-ascend",
        Sql(|_| "update feed_record set at = at + interval '1 hour' where kind = 'seats' and version = 1".to_owned()),
    ),
    ("published-sale-has-its-lanes", Sql(|_| "delete from line".to_owned())),
    (
        "records-are-readable",
        Sql(|_| {
            "update feed_record set changes = '[{\"k\": \"nonsense\"}]' where kind = 'seats' and version = 1".to_owned()
        }),
    ),
    (
        "replay-equals-tables",
        Sql(|c| format!("update place set state = 'left', ended_at = clock_timestamp() where entry = {}", c.waiting)),
    ),
    (
        "replay-equals-tables",
        Sql(|c| format!("update hold_seat set live = true where booking in ('{}', '{}')", c.lapsed, c.released)),
    ),
    (
        "replay-equals-tables",
        Sql(|c| format!("update booking set deadline = deadline + interval '1 s' where id = '{}'", c.held)),
    ),
    // Admission.
    (
        "admitted-once",
        Sql(|c| format!("update place set admitted_at = admitted_at + interval '1 s' where entry = {}", c.standing[0])),
    ),
    (
        "admitted-once",
        Sql(|c| {
            format!(
                "update pace_tick set entries = array_append(entries, {0}) where not {0} = any(entries)",
                c.standing[0]
            )
        }),
    ),
    ("admitted-in-order", Sql(|_| "update pace_tick set passed_over = '[]'".to_owned())),
    (
        "admitted-in-order",
        Sql(|c| {
            format!(
                "update pace_tick set passed_over = jsonb_build_array(jsonb_build_array({}, to_ms(at) - 5000))",
                c.skipped
            )
        }),
    ),
    ("admitted-in-order", Sql(|_| "update pace_tick set joins_seen = 1".to_owned())),
    (
        "admissions-are-recorded",
        Sql(|_| "delete from pace_tick where version = (select max(version) from pace_tick)".to_owned()),
    ),
    (
        "admissions-are-recorded",
        Sql(|_| {
            "update pace_tick set version = version + 1000 where version = (select max(version) from pace_tick)"
                .to_owned()
        }),
    ),
    // The pace.
    ("active-within-cap", Sql(|_| told_in_pace("\"max_active\":100", "\"max_active\":1"))),
    ("pace-within-rate", Sql(|_| slow())),
    ("pace-within-a-seconds-share", Sql(|_| slow())),
    ("pace-follows-its-knobs", Sql(|_| "update pace_tick set rate_per_minute = 7".to_owned())),
    ("pace-follows-its-knobs", Sql(|_| ramped(7))),
    ("pace-within-rate", Sql(|_| format!("{}; update pace_tick set rate_per_minute = 1", ramped(1)))),
    (
        "nobody-admitted-while-paused",
        Sql(|_| told_in_pace("\"pause_reason\":null,\"stopped\":false", "\"pause_reason\":\"smoke\",\"stopped\":true")),
    ),
    (
        "pace-follows-its-knobs",
        Sql(|_| {
            "update pace_tick set at = at - interval '1 hour' where version = (select max(version) from pace_tick)"
                .to_owned()
        }),
    ),
    ("nobody-admitted-while-paused", Sql(|_| told_in_pace("\"pause_reason\":null", "\"pause_reason\":\"none\""))),
    ("admitted-while-open", Sql(|_| told_in_pace("\"opens_at_ms\":1700000000000", "\"opens_at_ms\":1898000000000"))),
    (
        "pacing-terms-ascend",
        Sql(|_| "update pace_tick set term = 9 where version = (select min(version) from pace_tick)".to_owned()),
    ),
    (
        "draw-is-the-one-used",
        Sql(|_| {
            "insert into draw (sale, secret, commitment_json, commitment_sig, roster_json, size, seed, drawn_at)
             select id, '', '', '', '', 3, '', now() from sale where published limit 1"
                .to_owned()
        }),
    ),
    ("knobs-are-audited", Sql(|_| "delete from audit where action = 'admission.pause'".to_owned())),
    ("knobs-are-audited", Sql(|_| "delete from audit where action = 'sale.edit'".to_owned())),
    (
        "knobs-are-audited",
        Sql(|_| {
            "update audit set change = jsonb_set(change, '{to,max_active}', '1') where action = 'admission.pause'"
                .to_owned()
        }),
    ),
    // Deadlines.
    (
        "no-booking-lapses-early",
        Sql(|c| format!("update booking set deadline = ended_at + interval '1 s' where id = '{}'", c.lapsed)),
    ),
    ("no-hold-ends-early", Sql(|_| ended_at("- interval '1 hour'"))),
    (
        "no-hold-ends-early",
        Sql(|c| format!("update booking set deadline = deadline - interval '1 s' where id = '{}'", c.held)),
    ),
    ("holds-end-in-time", Sql(|_| ended_at("+ interval '1 hour'"))),
    ("holds-end-in-time", Sql(|c| told_deadline(c.paying, -600_000))),
    ("pins-end-in-time", Sql(|c| told_deadline(c.pinned, -600_000))),
    (
        "clock-acts-are-audited",
        Sql(|_| {
            "insert into clock_act (sale, nth, kind, began_at, ended_at, extra_ms, audit)
             select s.id, 1, 'extend', now(), now(), 0, a.id from sale s, (select id from audit order by id limit 1) a"
                .to_owned()
        }),
    ),
    ("extended-once-at-most", Sql(|c| told_deadline(c.held, 100_000))),
    // Seating.
    (
        "no-seat-passes-a-standing-place",
        Deeds(|world, cast| {
            async move {
                world.hold(&world.seating().await?, cast.standing[1], &[13]).await?;
                world.sql("update feed_record set at = at - interval '10 s' where kind in ('joins', 'pace')").await
            }
            .boxed()
        }),
    ),
    (
        "seats-offered-in-line-order",
        Deeds(|world, cast| {
            async move {
                let [first, second] = cast.standing;
                let offers = [world.offer(second, &[13]), world.offer(first, &[14])];
                let held = world.store.offer(&world.seating().await?, &offers, &[]).await?.held;
                anyhow::ensure!(held.len() == 2);
                Ok(())
            }
            .boxed()
        }),
    ),
    ("seating-terms-ascend", Sql(|c| format!("update booking set term = 99 where id = '{}'", c.paid))),
    ("seating-terms-ascend", Sql(|c| format!("update booking set term = 0 where id = '{}'", c.paid))),
];

/// A code that is good once and counts `uses`, used by an entry's place.
fn used_code(entry: i64, uses: u32) -> String {
    format!(
        "insert into access_code (id, sale, hash, prefix, label, uses_max, uses, made_by)
         select gen_random_uuid(), id, '\\x01', '', '', 1, {uses}, gen_random_uuid() from sale;
         insert into code_use select p.id, a.id, p.fan, now() from place p, access_code a where p.entry = {entry}"
    )
}

/// What followers were told in the pace lane was another thing.
fn told_in_pace(said: &str, says: &str) -> String {
    format!("update feed_record set changes = replace(changes::text, '{said}', '{says}')::json where kind = 'pace'")
}

/// A ramp had brought this rate into force long before.
fn ramped(rate: u32) -> String {
    let steps = format!("{{\"steps\":[{{\"at_ms\":1,\"rate_per_minute\":{rate}}}],\"linear\":false}}");
    told_in_pace("\"ramp\":null", &format!("\"ramp\":{steps}"))
}

/// The fan was shown another deadline, the last of all.
fn told_deadline(booking: uuid::Uuid, by_ms: i64) -> String {
    format!(
        "update feed_record r set changes = replace(r.changes::text, to_ms(b.deadline)::text, (to_ms(b.deadline) + {by_ms})::text)::json
         from booking b where b.id = '{booking}' and r.kind = 'seats'"
    )
}

/// Holds lapsed at another time.
fn ended_at(by: &str) -> String {
    format!("update feed_record set at = at {by} where changes::jsonb @> '[{{\"k\": \"ended\", \"how\": \"lapsed\"}}]'")
}

/// All was at a rate of one a minute.
fn slow() -> String {
    let of = |rate: u32| told_in_pace(&format!("\"rate_per_minute\":{rate}"), "\"rate_per_minute\":1");
    format!("{}; {}; update pace_tick set rate_per_minute = 1", of(60_000), of(30_000))
}

/// A head that says of itself what it should, but for what is planted.
fn head(previous: &str, seq: &str, joins: &str) -> String {
    format!(
        "insert into log_head (sale, seq, at, event, joins_version, joins_hash, pace_version, pace_hash, seats_version, seats_hash,
                               previous, key_id, hash, signature)
         select s.id, {seq}, '2030-01-01', s.event, j.version, case when {joins} = ''::bytea then j.head else {joins} end,
                p.version, p.head, t.version, t.head, {previous}::bytea, 'k', '', ''
         from sale s join lane j on j.scope = s.id and j.kind = 'joins' join lane p on p.scope = s.id and p.kind = 'pace'
              join lane t on t.scope = s.event and t.kind = 'seats';
         update log_head set hash = sha256(convert_to(concat_ws(E'\\n', 'usher log head 1', sale, event, seq, to_ms(at),
             'joins ' || joins_version || ' ' || encode(joins_hash, 'hex'), 'pace ' || pace_version || ' ' || encode(pace_hash, 'hex'),
             'seats ' || seats_version || ' ' || encode(seats_hash, 'hex'), encode(previous, 'hex'), key_id), 'UTF8'))
         where {joins} <> ''::bytea or {previous} <> ''::bytea"
    )
}
