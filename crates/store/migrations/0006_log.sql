-- Signed heads of a sale's log: its two lanes and its event's seats lane, named at once. Heads chain, too.
create table log_head (
    sale uuid not null references sale,
    -- Contiguous within the sale, from 1; the key judges between two processes that write one at the same time.
    seq bigint not null,
    at timestamptz not null,
    event uuid not null,
    joins_version bigint not null,
    joins_hash bytea not null,
    pace_version bigint not null,
    pace_hash bytea not null,
    seats_version bigint not null,
    seats_hash bytea not null,
    -- The hash of the head before; empty for the first.
    previous bytea not null,
    -- Names the public key that verifies the signature.
    key_id text not null,
    -- SHA-256 of the signed text, which says all of the above.
    hash bytea not null,
    signature bytea not null,
    primary key (sale, seq)
);
