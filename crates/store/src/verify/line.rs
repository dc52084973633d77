//! The line itself: entries without gaps in the order of joining, one live place per fan (invariants 2 to 4).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "entries-are-dense",
        4,
        "select format('sale %s: %s places with %s entries from %s to %s, and the next entry is %s', s.id, p.places, p.entries, p.first, p.last,
                       l.next_entry) as what
         from sale s left join line l on l.sale = s.id
              cross join lateral (select count(*) as places, count(distinct entry) as entries, coalesce(min(entry), 1) as first,
                                         coalesce(max(entry), 0) as last from place where sale = s.id) p
         where s.event = $1 and (p.first <> 1 or p.places <> p.entries or p.last <> p.entries or p.last + 1 <> coalesce(l.next_entry, 1))",
    ),
    query(
        "joined-in-entry-order",
        2,
        "select format('sale %s: entry %s joined at %s, the one before at %s', sale, entry, joined_at, before) as what
         from (select p.sale, p.entry, p.joined_at, lag(p.joined_at) over (partition by p.sale order by p.entry) as before
               from place p join sale s on s.id = p.sale where s.event = $1) as places
         where joined_at < before",
    ),
    query(
        "one-live-place",
        3,
        "select format('fan %s has %s live places in sale %s: entries %s', p.fan, count(*), p.sale, string_agg(p.entry::text, ', ' order by p.entry)) as what
         from place p join sale s on s.id = p.sale where s.event = $1 and p.ended_at is null
         group by p.sale, p.fan having count(*) > 1",
    ),
    query(
        "party-is-allowed",
        9,
        "select format('sale %s: entry %s is a party of %s', p.sale, p.entry, p.party) as what
         from place p join sale s on s.id = p.sale where s.event = $1 and p.party not between 1 and 8",
    ),
];
