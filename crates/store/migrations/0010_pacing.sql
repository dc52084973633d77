-- Who looks each second for sales that are not over for long does not look at all that ever were.
create index sale_end on sale (coalesce(wait_ends_at, closes_at)) where published;
