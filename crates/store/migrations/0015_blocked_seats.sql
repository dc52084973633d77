-- Seats that the promoter keeps back. A blocked seat is a live one, as a held or a sold one is: the same index judges.
create table block (
    id uuid primary key,
    event uuid not null references event,
    label text not null constraint block_label check (length(label) between 1 and 100),
    note text not null constraint block_note check (length(note) <= 500),
    made_at timestamptz not null default clock_timestamp(),
    account uuid not null references account
);
create index block_event on block (event, id);

alter table hold_seat
    drop constraint hold_seat_pkey,
    alter column booking drop not null,
    add column block uuid references block,
    add constraint hold_seat_booking_unique unique (booking, seat),
    add constraint hold_seat_of_one check (num_nonnulls(booking, block) = 1);
create unique index hold_seat_block_unique on hold_seat (block, seat) where block is not null;

-- What is done to an event is in the log of all its sales.
alter table audit
    alter column sale drop not null,
    add column event uuid,
    add constraint audit_of_one check (num_nonnulls(sale, event) = 1);
create index audit_event on audit (event, id) where event is not null;

-- Blocked seats that became tickets without payment. They stay blocked: revoked, they are the promoter's again.
create table gift (
    id uuid primary key,
    event uuid not null references event,
    block uuid not null references block,
    -- The short code to find it again, with the address.
    reference text not null,
    name text not null constraint gift_name check (length(name) between 1 and 200),
    email text not null,
    made_at timestamptz not null default clock_timestamp(),
    account uuid not null references account,
    -- Their lines of the audit log, written before.
    audit bigint not null references audit,
    revoked_at timestamptz,
    revoked_audit bigint references audit,
    constraint gift_reference_unique unique (reference),
    constraint gift_revoked check ((revoked_at is null) = (revoked_audit is null))
);
create index gift_event on gift (event, id);

alter table ticket
    alter column booking drop not null,
    add column gift uuid references gift,
    add constraint ticket_of_one check (num_nonnulls(booking, gift) = 1);
create index ticket_gift on ticket (gift) where gift is not null;
