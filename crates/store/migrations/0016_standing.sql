-- A party that stands keeps free seats that alone do not fit it for so long, and thinks about what else is left for so long.
alter table sale add column gather_ms integer not null default 15000;
alter table sale add column answer_ms integer not null default 45000;

-- How often the fan has changed what the party wants: a decision names the count that it saw.
alter table place add column wished smallint not null default 0;
-- Until when free seats are kept for the standing party while others may come free.
alter table place add column gathers_until timestamptz;
-- Until when it may say whether it takes what is kept for it: so many seats, of these tiers, apart or not.
alter table place add column asked_until timestamptz;
alter table place add column asked_seats smallint;
alter table place add column asked_tiers text[];
alter table place add column asked_apart boolean;
