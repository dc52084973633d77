-- Companions' seats are kept with the accessible ones, and released by the promoter's rule.
alter table event add column accessible_release text not null default 'house'
    check (accessible_release in ('house', 'section', 'tier', 'never'));
-- What is on sale goes on by the rule that was fixed before: nothing else left in the tiers that a party accepts.
update event set accessible_release = 'tier';

-- `quality` is lower for a better seat; null where the map's order is the order of quality.
alter table seat add column companion boolean not null default false, add column quality integer;
update seat s set companion = true
from (select e.id, (row_number() over (partition by e.id order by a.nth, b.nth, c.nth) - 1)::integer as seat,
             c.seat -> 'companion' = 'true' as companion
      from event e, jsonb_path_query_array(e.seat_map, '$.sections') sections(list),
           jsonb_array_elements(list -> 0) with ordinality as a(section, nth),
           jsonb_array_elements(a.section -> 'rows') with ordinality as b(row, nth),
           jsonb_array_elements(b.row -> 'seats') with ordinality as c(seat, nth)) told
where told.companion and s.event = told.id and s.seat = told.seat and not s.standing;

-- How the seats of a booking were chosen: how far down the ladder, and the score; null where they were not chosen by it.
alter table booking add column rung smallint check (rung between 0 and 5), add column seat_groups smallint,
    add column new_singles smallint, add column quality bigint;
