//! Who entered: codes within their limits, places with one fan whatever hands they went through (invariant 3).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "code-within-its-uses",
        3,
        "select format('code %s of sale %s is good for %s uses, counts %s, and has %s', c.id, c.sale, c.uses_max, c.uses, u.uses) as what
         from access_code c join sale s on s.id = c.sale
              cross join lateral (select count(*) as uses from code_use where code = c.id) u
         where s.event = $1 and (u.uses > c.uses_max or u.uses <> c.uses)",
    ),
    query(
        "code-is-in-as-many-places",
        3,
        "select format('code %s of sale %s is good for %s uses, and %s places that came by it live or have tickets', c.id, c.sale, c.uses_max, count(*)) as what
         from access_code c join sale s on s.id = c.sale join entitlement e on e.code = c.id join place p on p.id = e.place
         where s.event = $1 and (p.ended_at is null or p.state = 'booked')
         group by c.id, c.sale, c.uses_max having count(*) > c.uses_max",
    ),
    query(
        "transferred-place-has-one-fan",
        3,
        "select format('place %s was taken over by %s at %s, and then was of %s', t.place, t.used_by, t.used_at, t.next) as what
         from (select t.place, t.used_by, t.used_at,
                      coalesce(lead(t.fan) over (partition by t.place order by t.used_at), p.fan) as next
               from place_transfer t join place p on p.id = t.place join sale s on s.id = p.sale
               where s.event = $1 and t.used_at is not null) t
         where t.used_by is distinct from t.next",
    ),
];
