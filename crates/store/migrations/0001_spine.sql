-- Time is timestamptz here and milliseconds since 1970 everywhere else; these two are the only bridge.
create function to_ms(timestamptz) returns bigint language sql immutable parallel safe
    as $$ select floor(extract(epoch from $1) * 1000)::bigint $$;
create function from_ms(bigint) returns timestamptz language sql immutable parallel safe
    as $$ select to_timestamp($1 / 1000.0) $$;

-- People and organisations.

create table account (
    id uuid primary key,
    email text not null,
    password_hash text not null,
    created_at timestamptz not null default now(),
    constraint account_email_unique unique (email)
);

create table session_token (
    hash bytea primary key,
    family uuid not null,
    account uuid not null references account,
    expires_at timestamptz not null,
    replaced_at timestamptz,
    revoked_at timestamptz
);
create index session_token_family on session_token (family);

create table organisation (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null default now()
);

create table membership (
    organisation uuid not null references organisation,
    account uuid not null references account,
    role text not null check (role in ('promoter', 'operator')),
    primary key (account, organisation, role)
);

-- Events, their seats and their sales.

create table event (
    id uuid primary key,
    organisation uuid not null references organisation,
    name text not null,
    venue text not null,
    starts_at timestamptz not null,
    time_zone text not null,
    currency text not null,
    published boolean not null default false,
    version bigint not null default 1,
    -- Rebuilds of the event's fast copy in Redis; only ever grows.
    epoch bigint not null default 1,
    seat_map jsonb,
    capacity integer not null default 0
);
create index event_organisation on event (organisation);

create table tier (
    event uuid not null references event,
    tier smallint not null,
    code text not null,
    name text not null,
    price_minor bigint not null check (price_minor >= 0),
    fee_minor bigint not null check (fee_minor >= 0),
    capacity integer not null,
    primary key (event, tier),
    constraint tier_code_unique unique (event, code)
);

-- One row per sellable unit: reserved seats in map order, then standing places, numbered from 0 without gaps.
create table seat (
    event uuid not null references event,
    seat integer not null,
    tier smallint not null,
    -- Seats of one stretch are neighbours; null for standing places, whose area is one stretch of its own.
    stretch integer not null,
    section smallint not null,
    row_no smallint not null,
    standing boolean not null,
    accessible boolean not null,
    label text not null,
    primary key (event, seat)
);

create table sale (
    id uuid primary key,
    event uuid not null references event,
    name text not null,
    opens_at timestamptz not null,
    closes_at timestamptz not null,
    entry text not null check (entry in ('open', 'account')),
    party_max smallint not null check (party_max between 1 and 8),
    rate_per_minute integer not null check (rate_per_minute between 1 and 600000),
    max_active integer not null check (max_active between 1 and 1000000),
    hold_ttl_ms integer not null,
    extension_ms integer not null,
    grace_ms integer not null,
    presence_ms integer not null,
    rejoin boolean not null,
    published boolean not null default false,
    version bigint not null default 1,
    -- Counts changes of rate, cap and pause; a pacing decision names the one it saw.
    rate_version bigint not null default 1,
    pause_reason text,
    sold_out_at timestamptz,
    constraint sale_window check (closes_at > opens_at)
);
create index sale_event on sale (event);

-- The line.

-- The row that a batch of joins locks, so that commits come in entry order.
create table line (
    sale uuid primary key references sale,
    next_entry bigint not null default 1
);

create table place (
    id uuid primary key,
    sale uuid not null,
    fan uuid not null,
    entry bigint not null,
    joined_at timestamptz not null,
    ended_at timestamptz,
    admitted_at timestamptz,
    -- Bit i wishes tier i; 0 wishes any.
    tiers integer not null default 0,
    party smallint not null check (party between 1 and 8),
    -- 1 other tiers, 2 apart, 4 fewer, 8 accessible.
    accepts smallint not null default 0,
    state text not null,
    constraint place_entry_unique unique (sale, entry)
);
create unique index place_live_unique on place (sale, fan) where ended_at is null;
-- Finding an ended place again; only those pay for it.
create index place_ended on place (fan, sale) where ended_at is not null;
create index place_active on place (sale, entry) where ended_at is null and admitted_at is not null;

-- Versions of the lanes: kind 'joins' and 'pace' per sale, 'seats' per event. A lane's row is locked last.
create table lane (
    scope uuid not null,
    kind text not null check (kind in ('joins', 'pace', 'seats')),
    event uuid not null,
    version bigint not null default 0,
    primary key (scope, kind)
);
create index lane_event on lane (event);

-- What each version of a lane said. Redis carries copies of these; followers ask here for what they missed.
create table feed_record (
    scope uuid not null,
    kind text not null,
    version bigint not null,
    at timestamptz not null,
    changes jsonb not null,
    primary key (scope, kind, version)
);

-- A turn of office. Terms only grow; every decision names its term.
create table lease (
    kind text not null check (kind in ('pacing', 'seating')),
    scope uuid not null,
    term bigint not null default 0,
    holder uuid,
    until timestamptz not null default '-infinity',
    primary key (kind, scope)
);

-- One row per tick that admitted or skipped somebody; the rolling window is summed from here.
create table pace_tick (
    sale uuid not null,
    version bigint not null,
    at timestamptz not null,
    term bigint not null,
    rate_version bigint not null,
    rate_per_minute integer not null,
    admitted integer not null,
    -- The entries let in, in order, and whom they passed over with when each was last seen.
    entries bigint[] not null,
    passed_over jsonb not null,
    joins_seen bigint not null,
    primary key (sale, version)
);
create index pace_tick_at on pace_tick (sale, at);

-- Holds and bookings.

create table booking (
    id uuid primary key,
    event uuid not null,
    sale uuid not null,
    place uuid not null,
    entry bigint not null,
    fan uuid not null,
    reference text not null,
    state text not null
        check (state in ('held', 'paying', 'capturing', 'paid', 'lapsed', 'released', 'failed', 'refunded')),
    amount_minor bigint not null,
    currency text not null,
    email text,
    held_at timestamptz not null,
    deadline timestamptz not null,
    extended boolean not null default false,
    declined boolean not null default false,
    -- Set when the deadline passed with a payment unresolved; the seats are kept until then at most.
    pinned_until timestamptz,
    ended_at timestamptz,
    -- The term of the seating lease that chose the seats.
    term bigint not null,
    constraint booking_reference_unique unique (reference)
);
create index booking_due on booking (deadline) where state = 'held' or (state = 'paying' and pinned_until is null);
create index booking_open on booking (event) where state in ('held', 'paying', 'capturing');
create index booking_place on booking (place);
create index booking_fan on booking (fan);
create index booking_event on booking (event, id);

-- A seat in a hold. `live` while the hold, or the ticket it became, has the seat.
create table hold_seat (
    booking uuid not null references booking,
    seat integer not null,
    event uuid not null,
    tier smallint not null,
    price_minor bigint not null,
    fee_minor bigint not null,
    live boolean not null default true,
    primary key (booking, seat)
);
-- The judge of every race for a seat.
create unique index seat_live_unique on hold_seat (event, seat) where live;

-- Money.

create table payment (
    id uuid primary key,
    booking uuid not null references booking,
    attempt smallint not null,
    intent text,
    client_secret text,
    amount_minor bigint not null,
    currency text not null,
    state text not null
        check (state in ('created', 'open', 'declined', 'authorised', 'captured', 'cancelled', 'failed', 'refunded')),
    decline_reason text,
    -- When a worker should look at it next; claimed by moving it into the future; infinity when nothing can change any more.
    -- Settled attempts become due again when the provider has news of them.
    due_at timestamptz not null,
    tries integer not null default 0,
    -- How many idempotency keys were answered with a failure: the provider would only repeat that answer.
    key_no integer not null default 0,
    created_at timestamptz not null default now(),
    settled_at timestamptz,
    constraint payment_attempt_unique unique (booking, attempt),
    constraint payment_intent_unique unique (intent)
);
create unique index payment_open_unique on payment (booking) where state in ('created', 'open', 'declined', 'authorised');
create index payment_due on payment (due_at) where due_at < 'infinity';

create table refund (
    id uuid primary key,
    payment uuid not null references payment,
    amount_minor bigint not null check (amount_minor > 0),
    reason text not null,
    state text not null check (state in ('requested', 'succeeded', 'failed')),
    provider_id text,
    due_at timestamptz not null,
    tries integer not null default 0,
    key_no integer not null default 0,
    created_at timestamptz not null default now(),
    -- Money goes back whole and once.
    constraint refund_payment_unique unique (payment)
);
create index refund_due on refund (due_at) where state = 'requested';

create table provider_event (
    provider text not null,
    id text not null,
    intent text not null,
    kind text not null,
    received_at timestamptz not null default now(),
    -- Null while parked: known to nobody yet.
    handled_at timestamptz,
    primary key (provider, id)
);
create index provider_event_parked on provider_event (received_at) where handled_at is null;

create table ticket (
    id uuid primary key,
    booking uuid not null references booking,
    event uuid not null,
    seat integer not null,
    issued_at timestamptz not null,
    void_at timestamptz
);
create unique index ticket_valid_unique on ticket (event, seat) where void_at is null;
create index ticket_booking on ticket (booking);

-- Around it all.

create table outbox (
    id bigint generated always as identity primary key,
    -- Readers take rows below pg_snapshot_xmin, so that none is skipped by a late commit.
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default now(),
    kind text not null,
    aggregate uuid not null,
    data jsonb not null
);

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    sale uuid not null,
    account uuid not null,
    action text not null,
    reason text not null,
    change jsonb not null
);
create index audit_sale on audit (sale, id);

-- First answers to POSTs that create, kept for 24 hours per principal.
create table idempotency (
    principal uuid not null,
    key text not null,
    request_hash bytea not null,
    status smallint,
    body jsonb,
    created_at timestamptz not null default now(),
    primary key (principal, key)
);
