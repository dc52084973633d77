-- The operators' knobs in full.

alter table sale
    -- Fans who should really come to shop; the rate stays the cap.
    add column target_per_minute integer
        constraint sale_target check (target_per_minute between 1 and 600000),
    -- Scheduled rates: {"steps": [{"at_ms", "rate_per_minute"}, …], "linear"}.
    add column ramp jsonb,
    -- Emergency stop: nobody joins, nobody is let in, everything is kept.
    add column stop_reason text,
    -- What the automatic brake goes by; without it there is none.
    add column brake jsonb,
    -- What the brake does, as the holder of the pacing lease last said.
    add column brake_factor double precision not null default 1
        constraint sale_brake_factor check (brake_factor > 0 and brake_factor <= 1),
    add column brake_why text,
    add column brake_since timestamptz;
