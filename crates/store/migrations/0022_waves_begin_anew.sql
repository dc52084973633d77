-- How many parties of an event are asked about the same seats at once: one, and one more for each that refused since anybody last
-- got seats. So while all refuse, twice as many are asked each time, and whoever takes some begins it anew.
create or replace function asked_at_once(of_event uuid) returns integer language sql stable as $$
    select 1 + count(*)::integer
    from sale s join place p on p.sale = s.id
    where s.event = of_event and p.asked_until is not null and p.asked_seats is not null
      and (p.state = 'left' or p.state = 'sold_out' and p.ended_at >= p.asked_until)
      and p.ended_at > coalesce((select max(held_at) from booking where event = of_event), '-infinity')
$$;

create index booking_held on booking (event, held_at);
