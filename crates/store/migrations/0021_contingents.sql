-- When what is still in a block is given free by itself.
alter table block add column frees_at timestamptz;
create index block_frees on block (frees_at) where frees_at is not null;
