-- How well the waits told in a sale were kept: counts of one process, which writes its own row only. The record is their sum.
create table estimate_record (
    sale uuid not null,
    node uuid not null,
    counts bigint[] not null,
    written_at timestamptz not null default now(),
    primary key (sale, node)
);
