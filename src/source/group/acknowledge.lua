-- Acknowledges entries, and counts those that were pending.
-- KEYS: stream, ledger. ARGV: group, ids.
local acknowledged = redis.call('XACK', KEYS[1], unpack(ARGV))
if acknowledged > 0 then
  -- After a first write a full Redis allows a script every other one. A key of another type is
  -- not ours: nothing is counted then.
  redis.pcall('HINCRBY', KEYS[2], 'acknowledged', acknowledged)
end
return acknowledged
