-- In some sales fans pick their seats themselves: who was let in looks for some for so long, until the first are held.
alter table sale add column seating text not null default 'assign' check (seating in ('assign', 'pick'));
alter table sale add column shop_ms integer not null default 300000;

-- Until when, by the sale's clock.
alter table place add column shops_until timestamptz;
-- How often the fan has changed what they hold.
alter table place add column picks smallint not null default 0;
create index place_shops on place (shops_until) where shops_until is not null and state = 'standing';
