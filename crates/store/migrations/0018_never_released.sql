-- Of an event that never releases its kept seats, pacing asks at each decision which of them are free.
create index seat_kept on seat (event, seat) where accessible or companion;
