create index place_asked on place (sale) where asked_until is not null;

-- How many parties of an event are asked about the same seats at once: one, and one more for each that said no or nothing per
-- party that took what it was asked about. So while all say no, twice as many are asked each time.
create function asked_at_once(of_event uuid) returns integer language sql stable as $$
    select 1 + (count(*) filter (where p.state in ('sold_out', 'left')) /
                (1 + count(*) filter (where p.state not in ('standing', 'sold_out', 'left', 'removed'))))::integer
    from sale s join place p on p.sale = s.id and p.asked_until is not null where s.event = of_event
$$;
