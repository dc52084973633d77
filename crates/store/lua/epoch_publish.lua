-- Publishes an event's new epoch after a rebuild: the old feed goes, the new one starts empty, the bell rings.
-- KEYS[1] feed stream, KEYS[2] epoch hash
-- ARGV[1] new epoch, ARGV[2] the Redis it was loaded into (master_replid), ARGV[3] since_ms, by Postgres's clock, ARGV[4] bell channel
-- Returns the epoch in force: ARGV[1], or a higher one that somebody else published.
-- Cost: O(1). Where this epoch or a higher one is published already, nothing is written: the feed may have records by now.
local has = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
local replid = redis.call('HGET', KEYS[2], 'replid')
if has >= tonumber(ARGV[1]) and replid == ARGV[2] then
    return has
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[2], 'epoch', ARGV[1], 'replid', ARGV[2], 'since_ms', ARGV[3])
redis.call('PUBLISH', ARGV[4], '1')
return tonumber(ARGV[1])
