-- Counts what is pending into what was acknowledged, or out of it. Before and behind an XACK, in one
-- transaction, that leaves what it acknowledged.
-- KEYS: stream, ledger. ARGV: group; 1 or -1.
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
-- No stream, or no group: nothing is acknowledged.
if pending.err then return 0 end
-- After a first write a full Redis allows a script every other one. A key of another type is not
-- ours: nothing is counted then.
redis.pcall('HDEL', KEYS[2], '')
redis.pcall('HINCRBY', KEYS[2], 'acknowledged', tonumber(ARGV[2]) * pending[1] + 0)
return pending[1]
