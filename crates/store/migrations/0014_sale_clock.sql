-- Operators give everybody who holds seats in a sale more time: a freeze, while which the sale's clock stands still, or an
-- extension, which puts it back. Deadlines are by that clock, so nothing but this row has to be written, however many hold seats.
create table clock_act (
    sale uuid not null references sale,
    -- Contiguous within the sale, from 1.
    nth integer not null,
    kind text not null constraint clock_act_kind check (kind in ('extend', 'freeze')),
    began_at timestamptz not null,
    -- When a freeze ended; of an extension when it was made.
    ended_at timestamptz,
    -- By how much the clock is put back at the end, besides the time for which it stood.
    extra_ms integer not null constraint clock_act_extra check (extra_ms between 0 and 3600000),
    -- Their lines of the audit log, written before.
    audit bigint not null references audit,
    end_audit bigint references audit,
    primary key (sale, nth),
    constraint clock_act_end check (ended_at >= began_at and (kind = 'freeze' or ended_at = began_at)),
    constraint clock_act_end_audit check ((end_audit is not null) = (kind = 'freeze' and ended_at is not null))
);
create unique index clock_act_freeze on clock_act (sale) where ended_at is null;

-- How far behind Postgres's clock a sale's clock was then.
create function clock_lag(of_sale uuid, at timestamptz) returns interval language sql stable parallel safe as $$
    select coalesce(sum(least(coalesce(ended_at, at), at) - began_at
                        + case when ended_at <= at then extra_ms else 0 end * interval '1 ms'), interval '0')
    from clock_act where sale = of_sale and began_at <= at
$$;

-- A sale's clock: what its deadlines are judged by.
create function sale_clock(of_sale uuid) returns timestamptz language sql volatile parallel safe as $$
    select now.at - clock_lag(of_sale, now.at) from (select clock_timestamp() as at) now
$$;
