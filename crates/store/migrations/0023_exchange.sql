-- A fan for whom the system chose seats may exchange them once for others, behind everybody who stands.
alter table booking
    -- `asked` while others are looked for, `nothing` once none were to be had, `done`.
    add column exchange text constraint booking_exchange_known check (exchange in ('asked', 'nothing', 'done')),
    -- How often it was asked for: a decision names the count that it saw.
    add column exchange_asks smallint not null default 0,
    -- What was asked for last, as a place's wishes are kept; and whether none of the present sections will do.
    add column exchange_asked_at timestamptz,
    add column exchange_tiers integer,
    add column exchange_accepts smallint,
    add column exchange_elsewhere boolean;

-- Somebody had it and gave it up for another: an edit of the map must not change it, since the log speaks of it.
alter table seat add column given_up boolean not null default false;
create index booking_exchange_asked on booking (event, exchange_asked_at) where exchange = 'asked';
