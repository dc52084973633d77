-- What operators did to single places. Each row names its line of the audit log, written before, and its record in the pace lane.
create table mending (
    sale uuid not null references sale,
    -- The pace lane's version that told of it.
    version bigint not null,
    at timestamptz not null,
    place uuid not null,
    entry bigint not null,
    action text not null constraint mending_action check (action in ('put', 'remove')),
    state_before text not null,
    class_before smallint not null,
    class smallint not null,
    audit bigint not null references audit,
    primary key (sale, version)
);
create index mending_place on mending (place);
