-- $1 the sale: waits by minute of joining, the first 2,880 minutes. Who came before the opening counts from the opening.
select minute_ms, count(*) as joined, count(wait_ms) as admitted,
       (percentile_cont(0.1) within group (order by wait_ms))::bigint as p10_ms,
       (percentile_cont(0.5) within group (order by wait_ms))::bigint as p50_ms,
       (percentile_cont(0.9) within group (order by wait_ms))::bigint as p90_ms
from (select to_ms(date_trunc('minute', greatest(p.joined_at, s.opens_at))) as minute_ms,
             (to_ms(p.admitted_at) - to_ms(greatest(p.joined_at, s.opens_at)))::double precision as wait_ms
      from place p join sale s on s.id = p.sale where p.sale = $1) as waits
group by minute_ms order by minute_ms limit 2880
