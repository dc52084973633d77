//! What operators did to single places: nothing in the lanes without its note, no note without its audit line (invariant 11).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "puts-are-noted",
        11,
        "with told as (select r.scope as sale, r.version, (c->>'entry')::bigint as entry, (c->>'class')::smallint as class
                       from feed_record r join lane l on l.scope = r.scope and l.kind = r.kind cross join json_array_elements(r.changes) as c
                       where l.event = $1 and r.kind = 'pace' and c->>'k' = 'put'),
         noted as (select m.sale, m.version, m.entry, m.class from mending m join sale s on s.id = m.sale
                   where s.event = $1 and m.action = 'put')
         select format('sale %s: version %s puts entry %s into class %s, and the notes say entry %s and class %s',
                       coalesce(t.sale, n.sale), coalesce(t.version, n.version), t.entry, t.class, n.entry, n.class) as what
         from told t full join noted n on n.sale = t.sale and n.version = t.version
         where (t.entry, t.class) is distinct from (n.entry, n.class)",
    ),
    query(
        "mending-is-audited",
        11,
        "select format('sale %s: version %s mends entry %s without a line in the audit log that says so before', m.sale, m.version, m.entry) as what
         from mending m join sale s on s.id = m.sale
              left join feed_record r on r.scope = m.sale and r.kind = 'pace' and r.version = m.version
              left join audit a on a.id = m.audit and a.sale = m.sale and a.change->>'place' = m.place::text and a.reason <> ''
                   and a.action = case m.action when 'put' then 'place.put-back' else 'place.remove' end
         where s.event = $1 and (a.id is null or r.at is null or a.at > r.at
            or m.action = 'remove' and not exists (select from json_array_elements(r.changes) c
                                                   where c->>'k' = 'left' and (c->>'removed')::boolean and (c->>'entry')::bigint = m.entry))",
    ),
];
