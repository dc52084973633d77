-- $1 the holder of pacing leases, $2 milliseconds between two heads of a living sale, $3 milliseconds since the end of the sales
-- that are looked at, at most; null for all.
select s.id
from sale s
     join lane j on j.scope = s.id and j.kind = 'joins'
     join lane p on p.scope = s.id and p.kind = 'pace'
     join lane t on t.scope = s.event and t.kind = 'seats'
     left join lease l on l.kind = 'pacing' and l.scope = s.id and l.until > clock_timestamp()
     left join lateral (select at, joins_version, pace_version, seats_version
                        from log_head where sale = s.id order by seq desc limit 1) h on true
     cross join lateral (select least(coalesce(s.sold_out_at, 'infinity'), coalesce(s.wait_ends_at, s.closes_at)) as at) ending
where s.published
  -- Asked once, so that the index on the end serves.
  and coalesce(s.wait_ends_at, s.closes_at) > (select coalesce(clock_timestamp() - $3 * interval '1 ms', '-infinity'))
  and (l.holder is null or l.holder = $1)
  and (h.at is null
       or h.at < clock_timestamp() - $2 * interval '1 ms'
          and (l.holder = $1
               or (h.joins_version, h.pace_version, h.seats_version) is distinct from (j.version, p.version, t.version))
       -- Times of heads are whole milliseconds: one of the end's own may have come before it.
       or h.at <= date_trunc('milliseconds', ending.at) and ending.at <= clock_timestamp())
order by s.id
