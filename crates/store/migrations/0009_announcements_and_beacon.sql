-- What is announced to everybody in a sale's line, by language: {"en": "…", …}; and since when.
alter table sale
    add column announcement jsonb,
    add column announced_at timestamptz,
    add constraint sale_announced check ((announcement is null) = (announced_at is null));
-- Whether a lobby's draw takes public randomness, and after how many seconds without it the draw goes on, publicly unprovable.
alter table sale
    add column beacon boolean not null default true,
    add column unprovable_after_s integer constraint sale_unprovable check (unprovable_after_s between 60 and 86400);
