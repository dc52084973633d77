-- Appends records to an event's feed and rings its bell.
-- KEYS[1] feed stream, KEYS[2] epoch hash
-- ARGV[1] epoch the writer believes in, ARGV[2] bell channel, ARGV[3] length to keep, then one JSON record each
-- Returns 1, or 0 when the epoch is another (nothing is written).
-- Cost: O(records). Appending twice is harmless: followers drop versions they have seen.
if redis.call('HGET', KEYS[2], 'epoch') ~= ARGV[1] then
    return 0
end
for i = 4, #ARGV do
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'r', ARGV[i])
end
redis.call('PUBLISH', ARGV[2], '1')
return 1
