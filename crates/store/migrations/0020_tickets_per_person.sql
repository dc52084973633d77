-- How many tickets of an event one fan, or one e-mail address, may have over all its sales; nothing: as many as they get.
alter table event add column tickets_per_person integer check (tickets_per_person > 0);

-- How many seats each of these fans has of an event, held or paid for.
create function seats_of_fans(of_event uuid, fans uuid[]) returns table (fan uuid, seats bigint) language sql stable as $$
    select b.fan, count(*) from booking b join hold_seat h on h.booking = b.id and h.live
    where b.event = of_event and b.fan = any(fans) group by b.fan
$$;

create index booking_email on booking (event, lower(email)) where email is not null;
