-- When the last place was taken: a join is dated no earlier, wherever the clock was stepped to meanwhile.
alter table line add column last_joined_at timestamptz;
update line set last_joined_at = (select max(joined_at) from place where sale = line.sale);
