-- $1 the sale: counts by class.
with skipped as (
    select distinct (e.entry)::bigint as entry
    from feed_record r cross join lateral json_array_elements(r.changes) as c cross join lateral json_array_elements_text(c->'entries') as e(entry)
    where r.scope = $1 and r.kind = 'pace' and c->>'k' = 'skipped'),
lapses as (select entry, count(*) as times from booking where sale = $1 and state = 'lapsed' group by entry),
puts as (select entry, class, count(*) as times from mending where sale = $1 and action = 'put' group by entry, class)
select p.class, count(*) as joined, count(p.admitted_at) as admitted, count(k.entry) as skipped,
       count(*) filter (where p.state = 'skipped') as no_shows,
       count(*) filter (where p.state in ('left', 'removed')) as left_line,
       coalesce(sum(u.times), 0)::bigint as inserted,
       coalesce(sum(l.times), 0)::bigint as lapsed
from place p
     left join skipped k on k.entry = p.entry
     left join lapses l on l.entry = p.entry
     left join puts u on u.entry = p.entry and u.class = p.class
where p.sale = $1
group by p.class order by p.class
