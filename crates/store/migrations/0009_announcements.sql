-- What is announced to everybody in a sale's line, by language: {"en": "…", …}; and since when.
alter table sale
    add column announcement jsonb,
    add column announced_at timestamptz,
    add constraint sale_announced check ((announcement is null) = (announced_at is null));
