//! Never oversold: who has which seat, and how many of each tier there are (invariant 1).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    // The unique index says the same; this holds it to its word, and notices when it is gone.
    query(
        "seat-held-once",
        1,
        "select format('seat %s is in %s live holds and blocks: %s', seat, count(*), string_agg(coalesce(booking, block)::text, ', ' order by booking)) as what
         from hold_seat where event = $1 and live group by seat having count(*) > 1",
    ),
    query(
        "seat-ticketed-once",
        1,
        "select format('seat %s has %s valid tickets: %s', seat, count(*), string_agg(id::text, ', ' order by id)) as what
         from ticket where event = $1 and void_at is null group by seat having count(*) > 1",
    ),
    query(
        "live-seat-is-in-the-map",
        1,
        "select format('%s has seat %s of tier %s, which the event does not have', coalesce('booking ' || h.booking, 'block ' || h.block),
                       h.seat, h.tier) as what
         from hold_seat h left join booking b on b.id = h.booking left join block k on k.id = h.block
         where (h.event = $1 or b.event = $1 or k.event = $1) and h.live
           and not exists (select from seat s where s.event = coalesce(b.event, k.event) and s.event = h.event and s.seat = h.seat and s.tier = h.tier)",
    ),
    query(
        "pool-sums-to-capacity",
        1,
        "with live as (
             select h.seat, h.tier,
                    case when h.block is not null then 'blocked'
                         when b.state = 'paid' then 'sold'
                         when b.state = 'capturing' or b.state = 'paying' and b.pinned_until is not null then 'pinned'
                         when b.state in ('held', 'paying') then 'held' end as part
             from hold_seat h left join booking b on b.id = h.booking where h.event = $1 and h.live),
         part as (select tier, count(*) filter (where part = 'held') as held, count(*) filter (where part = 'pinned') as pinned,
                         count(*) filter (where part = 'sold') as sold, count(*) filter (where part = 'blocked') as blocked from live group by tier),
         unit as (select tier, count(*) as units, count(*) filter (where seat not in (select seat from live)) as free
                  from seat where event = $1 group by tier),
         pool as (select t.code, t.capacity, coalesce(u.units, 0) as units, coalesce(u.free, 0) as free, coalesce(p.held, 0) as held,
                         coalesce(p.pinned, 0) as pinned, coalesce(p.sold, 0) as sold, coalesce(p.blocked, 0) as blocked
                  from tier t left join unit u on u.tier = t.tier left join part p on p.tier = t.tier where t.event = $1)
         select format('tier %s: %s free + %s held + %s pinned + %s sold + %s blocked of %s seats, with a capacity of %s',
                       code, free, held, pinned, sold, blocked, units, capacity) as what
         from pool where free + held + pinned + sold + blocked <> capacity or units <> capacity",
    ),
    query(
        "event-sums-its-tiers",
        1,
        "select format('the event has %s seats, its tiers %s', e.capacity, coalesce(sum(t.capacity), 0)) as what
         from event e left join tier t on t.event = e.id where e.id = $1
         group by e.id having e.capacity <> coalesce(sum(t.capacity), 0)",
    ),
    // Who had more when it was lowered keeps them.
    query(
        "tickets-per-person-kept",
        1,
        "select format('fan %s has %s seats, more than the %s that one person may have', b.fan, count(*), e.tickets_per_person) as what
         from event e join booking b on b.event = e.id join hold_seat h on h.booking = b.id and h.live where e.id = $1
         group by e.id, b.fan having count(*) > e.tickets_per_person
           and max(b.held_at) > coalesce((select max(at) from audit where event = e.id and action = 'event.edit'
                                                and change -> 'from' -> 'tickets_per_person' is distinct from change -> 'to' -> 'tickets_per_person'), '-infinity')",
    ),
    query(
        "allotment-kept",
        1,
        "select format('sale %s has %s seats, more than its allotment of %s', s.id, count(*), s.allotment) as what
         from sale s join booking b on b.event = s.event and b.sale = s.id join hold_seat h on h.booking = b.id and h.live
         where s.event = $1 and s.allotment is not null group by s.id having count(*) > s.allotment",
    ),
];
