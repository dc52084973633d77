//! Lanes: every version is recorded once, in the order of time (invariants 2 and 4).

use super::{Query, query};

pub(super) const CHECKS: &[Query] = &[
    query(
        "lane-has-no-gap",
        4,
        "select format('the %s lane of %s is at version %s and has %s records from %s to %s', l.kind, l.scope, l.version, r.records, r.first, r.last) as what
         from lane l cross join lateral (
             select count(distinct version) as versions, count(*) as records, coalesce(min(version), 1) as first, coalesce(max(version), 0) as last
             from feed_record r where r.scope = l.scope and r.kind = l.kind) r
         where l.event = $1 and (r.records <> l.version or r.versions <> r.records or r.first <> 1 or r.last <> l.version)",
    ),
    query(
        "lane-times-ascend",
        2,
        "select format('the %s lane of %s: version %s is of %s, the one before of %s', kind, scope, version, at, before) as what
         from (select r.scope, r.kind, r.version, r.at, lag(r.at) over (partition by r.scope, r.kind order by r.version) as before
               from feed_record r join lane l on l.scope = r.scope and l.kind = r.kind where l.event = $1) as records
         where at < before",
    ),
    query(
        "log-is-chained",
        11,
        "select format('the %s lane of %s: version %s is not what its hash says', kind, scope, version) as what
         from (select r.*, coalesce(lag(r.hash) over (partition by r.scope, r.kind order by r.version), '') as before
               from feed_record r join lane l on l.scope = r.scope and l.kind = r.kind where l.event = $1) as records
         where hash <> sha256(convert_to(concat_ws(E'\n', encode(before, 'hex'), scope, kind, version, to_ms(at), changes::text), 'UTF8'))
         union all
         select format('the %s lane of %s: its head is not the hash of its last record', l.kind, l.scope) as what
         from lane l join feed_record r on r.scope = l.scope and r.kind = l.kind and r.version = l.version
         where l.event = $1 and l.head <> r.hash",
    ),
    query(
        "published-sale-has-its-lanes",
        4,
        "select format('sale %s is published without its line or lanes', s.id) as what
         from sale s where s.event = $1 and s.published
           and ((select count(*) from lane l where l.event = $1 and (l.scope = s.id and l.kind in ('joins', 'pace')
                                                                     or l.scope = $1 and l.kind = 'seats')) <> 3
                or not exists (select from line where sale = s.id))",
    ),
];
