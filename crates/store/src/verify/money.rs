//! Money: every captured payment has its tickets or its full refund, exactly once, and every valid ticket its payment
//! (invariant 5).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "ticket-is-of-a-paid-seat",
        5,
        "select format('ticket %s for seat %s is valid, but its booking %s is %s or has not that seat', t.id, t.seat, t.booking,
                       coalesce(b.state, 'missing')) as what
         from ticket t left join booking b on b.id = t.booking
         where (t.event = $1 or b.event = $1) and t.void_at is null and t.gift is null
           and (b.state is distinct from 'paid' or b.event <> t.event
                or not exists (select from hold_seat h where h.booking = t.booking and h.seat = t.seat and h.live))",
    ),
    query(
        "free-ticket-is-a-recorded-gift",
        5,
        "select format('ticket %s for seat %s is valid without payment, but its gift %s is revoked, not in the audit log, or not of a seat that its block keeps',
                       t.id, t.seat, t.gift) as what
         from ticket t join gift g on g.id = t.gift left join audit a on a.id = g.audit
         where (t.event = $1 or g.event = $1) and t.void_at is null
           and (g.revoked_at is not null or g.event <> t.event
                or (a.event, a.action, a.change->>'gift') is distinct from (g.event, 'tickets.give', g.id::text)
                or not exists (select from hold_seat h where h.block = g.block and h.event = t.event and h.seat = t.seat and h.live))",
    ),
    query(
        "paid-booking-has-its-tickets",
        5,
        "select format('booking %s is paid and has %s valid tickets for %s seats', b.id, count(t.id), count(distinct h.seat)) as what
         from booking b left join hold_seat h on h.booking = b.id and h.live
              left join ticket t on t.booking = b.id and t.seat = h.seat and t.void_at is null
         where b.event = $1 and b.state = 'paid'
         group by b.id having count(t.id) <> count(distinct h.seat) or count(distinct t.seat) <> count(distinct h.seat)",
    ),
    query(
        "paid-booking-has-one-payment",
        5,
        "select format('booking %s is paid over %s %s, with %s captured payments of that amount that were not given back', b.id, b.amount_minor,
                       b.currency, count(p.id)) as what
         from booking b left join payment p on p.booking = b.id and p.state = 'captured' and p.amount_minor = b.amount_minor
                                               and upper(p.currency) = upper(b.currency) and not exists (select from refund r where r.payment = p.id)
         where b.event = $1 and b.state = 'paid' group by b.id having count(p.id) <> 1",
    ),
    query(
        "captured-money-is-answered-for",
        5,
        "select format('payment %s was captured for booking %s, which is %s, and is not given back', p.id, b.id, b.state) as what
         from payment p join booking b on b.id = p.booking
         where b.event = $1 and p.state in ('captured', 'refunded') and not exists (select from refund r where r.payment = p.id)
           and (p.state = 'refunded' or b.state <> 'paid'
                or exists (select from payment o where o.booking = b.id and o.state = 'captured' and o.id < p.id
                                                       and not exists (select from refund r where r.payment = o.id)))",
    ),
    // What was captured is told in the outbox; it may differ from what was agreed.
    query(
        "refund-is-whole-and-once",
        5,
        "with told as (select aggregate, max((data->>'amount_minor')::bigint) as amount_minor from outbox where kind = 'payment.captured' group by aggregate)
         select format('payment %s over %s has %s refunds over %s', p.id, coalesce(t.amount_minor, p.amount_minor), count(r.id), sum(r.amount_minor)) as what
         from refund r join payment p on p.id = r.payment join booking b on b.id = p.booking left join told t on t.aggregate = p.id
         where b.event = $1
         group by p.id, t.amount_minor having count(r.id) <> 1 or sum(r.amount_minor) <> coalesce(t.amount_minor, p.amount_minor)",
    ),
    query(
        "refund-agrees-with-its-payment",
        5,
        "select format('refund %s is %s, its payment %s %s', r.id, r.state, p.id, p.state) as what
         from refund r join payment p on p.id = r.payment join booking b on b.id = p.booking
         where b.event = $1 and (r.state = 'failed' or p.state <> case r.state when 'succeeded' then 'refunded' else 'captured' end)",
    ),
    query(
        "one-open-attempt",
        5,
        "select format('booking %s has %s open payments', b.id, count(*)) as what
         from payment p join booking b on b.id = p.booking
         where b.event = $1 and p.state in ('created', 'open', 'declined', 'authorised') group by b.id having count(*) > 1",
    ),
    query(
        "paying-booking-has-its-attempt",
        5,
        "select format('booking %s is %s and has %s payments that could pay for it', b.id, b.state, count(p.id)) as what
         from booking b left join payment p on p.booking = b.id and p.state = any(case b.state
                  when 'paying' then array['created', 'open', 'declined'] else array['authorised'] end)
         where b.event = $1 and b.state in ('paying', 'capturing') group by b.id having count(p.id) <> 1",
    ),
    query(
        "outbox-tells-of-money",
        5,
        "with told as (select aggregate, kind, count(*) as times from outbox where kind like 'payment.%' or kind like 'refund.%' group by aggregate, kind),
         due as (select p.id, 'payment.captured' as kind from payment p join booking b on b.id = p.booking
                 where b.event = $1 and p.state in ('captured', 'refunded')
                 union all select p.id, 'refund.requested' from refund r join payment p on p.id = r.payment join booking b on b.id = p.booking
                 where b.event = $1
                 union all select r.id, 'payment.refunded' from refund r join payment p on p.id = r.payment join booking b on b.id = p.booking
                 where b.event = $1 and r.state = 'succeeded')
         select format('%s: the outbox has %s rows of %s', d.id, coalesce(t.times, 0), d.kind) as what
         from due d left join told t on t.aggregate = d.id and t.kind = d.kind where coalesce(t.times, 0) = 0",
    ),
];
