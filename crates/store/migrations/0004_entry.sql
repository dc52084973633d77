-- Who may enter: access codes, invitations, why somebody goes first, places handed over, and when they were skipped.

alter table sale
    drop constraint sale_entry_check,
    add constraint sale_entry check (entry in ('open', 'account', 'code', 'invited'));

-- A code's own words are nowhere: only a keyed hash of its normal form, and what members see of it.
create table access_code (
    id uuid primary key,
    sale uuid not null references sale,
    hash bytea not null,
    prefix text not null,
    label text not null,
    -- Of places that come with it, where classes count.
    class smallint constraint access_code_class check (class between 1 and 9),
    uses_max integer not null constraint access_code_uses_max check (uses_max between 1 and 1000000),
    uses integer not null default 0,
    expires_at timestamptz,
    made_by uuid not null,
    made_at timestamptz not null default clock_timestamp(),
    constraint access_code_unique unique (sale, hash),
    constraint access_code_uses check (uses between 0 and uses_max)
);
create index access_code_sale on access_code (sale, id);

-- One use of a code: whose it is, and the last place that came of it.
create table code_use (
    place uuid primary key,
    code uuid not null references access_code,
    fan uuid not null,
    at timestamptz not null
);
create index code_use_code on code_use (code, fan);

-- Who is invited, by a keyed hash of the e-mail address.
create table invitation (
    sale uuid not null references sale,
    hash bytea not null,
    class smallint not null constraint invitation_class check (class between 1 and 9),
    reason text not null,
    made_by uuid not null,
    made_at timestamptz not null default clock_timestamp(),
    primary key (sale, hash)
);

-- Why a place may be in the line, and what it goes first for. Never changed.
create table entitlement (
    place uuid primary key,
    sale uuid not null,
    code uuid,
    class smallint not null,
    reason text not null
);
create index entitlement_sale on entitlement (sale);

-- One-time codes by which a place goes over to another fan: hashes, each for one place.
create table place_transfer (
    hash bytea primary key,
    place uuid not null,
    fan uuid not null,
    made_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    used_by uuid
);
create index place_transfer_place on place_transfer (place);

-- When a place was passed over. The pace's records say so too, but not by place.
create table place_skip (
    place uuid not null,
    at timestamptz not null
);
create index place_skip_place on place_skip (place, at);

create function note_skip() returns trigger language plpgsql as $$
begin
    insert into place_skip (place, at) values (new.id, clock_timestamp());
    return null;
end $$;
create trigger place_skipped after update of state on place for each row
    when (new.state = 'skipped' and old.state <> 'skipped') execute function note_skip();
