//! Bookings against their seats and places: what a fan was told is what every table says (invariants 1 and 4).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "open-booking-has-its-seats",
        1,
        "select format('booking %s is %s and has %s of its %s seats', b.id, b.state, count(h.seat) filter (where h.live), count(h.seat)) as what
         from booking b join sale s on s.id = b.sale left join hold_seat h on h.booking = b.id
         where b.event = $1 and b.state in ('held', 'paying', 'capturing', 'paid')
         -- Who picks may have given back all, to take others.
         group by b.id, s.seating having count(h.seat) = 0 and not (s.seating = 'pick' and b.state = 'held')
                                         or count(h.seat) <> count(h.seat) filter (where h.live)",
    ),
    query(
        "ended-booking-has-no-seats",
        1,
        "select format('booking %s is %s and still has %s seats', b.id, b.state, count(*)) as what
         from booking b join hold_seat h on h.booking = b.id and h.live
         where b.event = $1 and b.state not in ('held', 'paying', 'capturing', 'paid') group by b.id",
    ),
    query(
        "booking-is-of-its-place",
        4,
        "select format('booking %s names another event, sale, entry or fan than its place %s', b.id, b.place) as what
         from booking b left join place p on p.id = b.place left join sale s on s.id = p.sale
         where b.event = $1 and (p.sale, p.entry, p.fan, s.event) is distinct from (b.sale, b.entry, b.fan, b.event)",
    ),
    query(
        "party-is-seated-as-it-wishes",
        1,
        "select format('booking %s has %s seats for a party of %s', b.id, count(h.seat), p.party) as what
         from booking b join place p on p.id = b.place join sale s on s.id = b.sale left join hold_seat h on h.booking = b.id where b.event = $1
         group by b.id, p.id, s.seating having count(h.seat) > p.party or count(h.seat) < p.party and p.accepts & 4 = 0 and s.seating = 'assign'",
    ),
    // Judged once the place is locked; the locks of the seats after it may take as long as a lock may.
    query(
        "picked-in-time",
        6,
        "select format('booking %s began at %s, after the %s until which its fan had time to pick', b.id, b.held_at, p.shops_until) as what
         from booking b join place p on p.id = b.place join sale s on s.id = b.sale
         where b.event = $1 and s.seating = 'pick' and p.admitted_at <= b.held_at
           and b.held_at - clock_lag(b.sale, b.held_at) > p.shops_until + interval '3 seconds'",
    ),
    query(
        "booking-costs-its-seats",
        5,
        "select format('booking %s costs %s, its seats %s', b.id, b.amount_minor, sum(h.price_minor + h.fee_minor)) as what
         from booking b join hold_seat h on h.booking = b.id where b.event = $1
         group by b.id having b.amount_minor <> sum(h.price_minor + h.fee_minor)",
    ),
    query(
        "place-holds-one-booking",
        4,
        "select format('place %s of entry %s is %s with %s open bookings', p.id, p.entry, p.state, count(b.id)) as what
         from place p join sale s on s.id = p.sale
              left join booking b on b.place = p.id and b.state in ('held', 'paying', 'capturing')
         where s.event = $1 and (p.state = 'holding' or b.id is not null)
         group by p.id having count(b.id) <> (p.state = 'holding')::int",
    ),
    query(
        "place-ended-as-its-booking",
        4,
        "with last as (select distinct on (place) place, id, case state when 'paid' then 'booked' else state end as state
                       from booking b where event = $1
                         -- A place that was put back starts anew.
                         and not exists (select from mending m where m.place = b.place and m.action = 'put' and m.at > b.held_at)
                       order by place, id desc)
         select format('place %s of entry %s is %s, its booking %s %s', p.id, p.entry, p.state, l.id, coalesce(l.state, 'missing')) as what
         from place p join sale s on s.id = p.sale left join last l on l.place = p.id
         where s.event = $1 and p.state <> 'holding'
           and (l.state in ('booked', 'lapsed', 'released', 'failed', 'refunded')
                or p.state in ('booked', 'lapsed', 'released', 'failed', 'refunded'))
           and p.state is distinct from l.state",
    ),
    // A late payment that took its seats again holds them for a place that had ended.
    query(
        "place-state-is-whole",
        4,
        "select format('place %s of entry %s is %s, admitted at %s and ended at %s', p.id, p.entry, p.state, p.admitted_at, p.ended_at) as what
         from place p join sale s on s.id = p.sale
         where s.event = $1 and not case
             when p.state in ('waiting', 'skipped') then p.admitted_at is null and p.ended_at is null
             when p.state = 'standing' then p.admitted_at is not null and p.ended_at is null
             when p.state = 'holding' then p.admitted_at is not null and (p.ended_at is null
                  or exists (select from booking b where b.place = p.id and b.state = 'capturing' and b.deadline <= p.ended_at))
             when p.state in ('left', 'removed') then p.ended_at is not null
             when p.state in ('booked', 'lapsed', 'released', 'failed', 'refunded', 'sold_out', 'idle')
                  then p.admitted_at is not null and p.ended_at is not null
             else false end",
    ),
    query(
        "booking-ended-when-over",
        4,
        "select format('booking %s is %s and ended at %s', id, state, ended_at) as what
         from booking where event = $1 and (state in ('held', 'paying', 'capturing')) <> (ended_at is null)",
    ),
    query(
        "outbox-tells-of-bookings",
        4,
        "with told as (select aggregate, kind, count(*) as times from outbox
                       where kind like 'booking.%' or kind in ('hold.created', 'hold.changed') group by aggregate, kind),
         due as (select id, 'hold.created' as kind from booking where event = $1
                 union all select id, 'hold.changed' from booking where event = $1 and exchange = 'done'
                 union all select id, 'booking.paid' from booking where event = $1 and state in ('paid', 'refunded')
                 union all select id, 'booking.' || state from booking
                           where event = $1 and state in ('lapsed', 'released', 'failed', 'refunded'))
         select format('booking %s: the outbox has %s rows of %s', d.id, coalesce(t.times, 0), d.kind) as what
         from due d left join told t on t.aggregate = d.id and t.kind = d.kind
         where coalesce(t.times, 0) <> 1 and not (d.kind in ('booking.lapsed', 'booking.released') and t.times > 1)",
    ),
];
