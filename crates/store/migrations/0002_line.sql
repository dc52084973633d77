-- The line in full: a lobby and its draw, classes, the end of the wait, and a log that cannot be rewritten.

alter table sale
    add column lobby_opens_at timestamptz,
    -- Who still waits when the sale closes is let in until then; without it the wait ends at the close.
    add column wait_ends_at timestamptz,
    add column ordering text not null default 'draw_then_fifo'
        constraint sale_ordering check (ordering in ('draw_then_fifo', 'fifo', 'draw_only', 'invited_first')),
    add constraint sale_lobby check (lobby_opens_at < opens_at),
    add constraint sale_wait check (wait_ends_at > closes_at);

-- How many entries the lobby had when it closed, decided with the first join or the first look after the opening.
alter table line add column lobby_size bigint;

-- Smaller goes first. 0 is an operator's doing, 10 everybody not invited.
alter table place add column class smallint not null default 10 constraint place_class check (class between 0 and 10);

create table draw (
    sale uuid primary key references sale,
    -- Published when the lobby opens; the secret, with the draw.
    secret bytea not null,
    commitment bytea not null,
    committed_at timestamptz not null default clock_timestamp(),
    -- The beacon's chain and what to do without it, as published with the commitment.
    rule jsonb not null,
    size bigint,
    root bytea,
    -- The beacon's round, fixed with the roster.
    round bigint,
    rostered_at timestamptz,
    signature bytea,
    seed bytea,
    drawn_at timestamptz
);

-- Each record's hash covers the one before it in its lane.
alter table lane
    add column head bytea not null default '',
    -- Of its last record. Time never goes back within a lane, whatever the clock does.
    add column at timestamptz not null default '-infinity';
alter table feed_record
    add column hash bytea not null default '',
    -- Kept as it was written: the hash is over these bytes.
    alter column changes type json using changes::json;
