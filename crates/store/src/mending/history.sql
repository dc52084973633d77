-- $1 the sale, $2 the place: what the lanes and the audit log say of it.
with p as (select pl.entry, pl.joined_at, s.event from place pl join sale s on s.id = pl.sale where pl.sale = $1 and pl.id = $2),
told as (
    select r.at, r.kind, r.version, c.change
    from p join feed_record r on r.scope = $1 and r.kind = 'pace' and r.at >= p.joined_at
           cross join lateral jsonb_array_elements(r.changes::jsonb) c(change)
    where (c.change->'entry') = to_jsonb(p.entry) or (c.change->'entries') @> to_jsonb(p.entry)
    union all
    select r.at, r.kind, r.version, c.change
    from p join feed_record r on r.scope = p.event and r.kind = 'seats' and r.at >= p.joined_at
           cross join lateral jsonb_array_elements(r.changes::jsonb) c(change)
    where c.change->>'sale' = $1::text and (c.change->'entry') = to_jsonb(p.entry)
       or exists (select from booking b where b.place = $2 and c.change->>'booking' = b.id::text)
)
select to_ms(at) as at_ms, kind as source, version,
       -- Whom else a decision let in is not of interest here.
       change - 'entries' - 'parties' as what
from told
union all
select to_ms(at), 'audit', id, jsonb_build_object('k', action, 'reason', reason, 'account', account, 'change', change)
from audit where sale = $1 and change->>'place' = $2::text
order by 1, 2, 3
limit 1000
