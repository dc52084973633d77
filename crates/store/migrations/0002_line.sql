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

-- A sale's draw, as far as it is. Statements and their signatures are kept as the bytes that were published.
create table draw (
    sale uuid primary key references sale,
    -- Published with the draw, never before.
    secret bytea not null,
    commitment_json bytea not null,
    commitment_sig bytea not null,
    roster_json bytea,
    roster_sig bytea,
    roster_hash bytea,
    size bigint,
    -- The beacon's signature of its round, fetched or carried in by an operator; verified before it is kept.
    beacon bytea,
    draw_json bytea,
    draw_sig bytea,
    seed bytea,
    drawn_at timestamptz,
    constraint draw_in_order check ((drawn_at is null or roster_json is not null) and (drawn_at is null) = (seed is null))
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
