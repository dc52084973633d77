//! Seats kept back and given: what the tables say is what the audit log says was done (invariants 4 and 11).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "block-is-audited",
        11,
        "select format('block %s has no line in the audit log that says so before', b.id) as what
         from block b where b.event = $1
           and not exists (select from audit a where a.event = b.event and a.action = 'seats.block' and a.account = b.account
                              and a.change->>'block' = b.id::text and a.change->>'label' = b.label and a.at <= b.made_at + interval '5 s')",
    ),
    // A seat given free of a block does not come back into it.
    query(
        "block-keeps-its-seats",
        11,
        "with line as (select a.action, a.change->>'block' as block, s.seat::integer as seat
                       from audit a cross join jsonb_array_elements_text(a.change->'seats') as s(seat)
                       where a.event = $1 and a.action in ('seats.block', 'seats.unblock')),
         due as (select block, seat from line where action = 'seats.block'
                 except select block, seat from line where action = 'seats.unblock'),
         kept as (select h.block::text as block, h.seat from hold_seat h join block b on b.id = h.block where b.event = $1 and h.live)
         select case when k.seat is null then format('block %s does not keep seat %s, which the audit log never gave free', d.block, d.seat)
                     else format('block %s keeps seat %s, which by the audit log it does not', k.block, k.seat) end as what
         from due d full join kept k on k.block = d.block and k.seat = d.seat where d.seat is null or k.seat is null",
    ),
    query(
        "gift-has-its-tickets",
        4,
        "select format('gift %s is not revoked: it was given seats %s, and has valid tickets for %s', g.id, a.change->'seats', t.seats) as what
         from gift g join audit a on a.id = g.audit
              cross join lateral (select coalesce(jsonb_agg(t.seat order by t.seat), '[]') as seats
                                  from ticket t where t.gift = g.id and t.void_at is null) t
         where g.event = $1 and g.revoked_at is null and (t.seats = '[]' or t.seats is distinct from a.change->'seats')",
    ),
];
