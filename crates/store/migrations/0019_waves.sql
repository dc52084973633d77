create index place_asked on place (sale) where asked_until is not null;

-- Of those who were asked what else they would take: how many took it, and how many said no or nothing. A change of wishes, which
-- is how one agrees, closes the question; whose question was closed because somebody before took the seats is neither.
create function answers_of(of_sale uuid) returns table (agreed bigint, refused bigint) language sql stable as $$
    select count(*) filter (where asked_seats is null),
           count(*) filter (where asked_seats is not null and (state = 'left' or state = 'sold_out' and ended_at >= asked_until))
    from place where sale = of_sale and asked_until is not null
$$;

-- How many parties of an event are asked about the same seats at once: one, and one more for each that refused per party that
-- agreed. So while all refuse, twice as many are asked each time.
create function asked_at_once(of_event uuid) returns integer language sql stable as $$
    select floor(1 + coalesce(sum(a.refused), 0) / (1 + coalesce(sum(a.agreed), 0)))::integer
    from sale s cross join answers_of(s.id) a where s.event = of_event
$$;
