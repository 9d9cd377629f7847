-- Claims entries that waited in a history of the stream that Redis has forgotten: each is metered
-- by one of the gateways that saw them, which find out within moments of each other.
-- KEYS: claim. ARGV: how many were consumed, how many were added, identity. Returns how many.
local from, to = tonumber(ARGV[1]), tonumber(ARGV[2])
-- Somebody else's key lies there: everybody meters what they saw.
local kind = redis.call('TYPE', KEYS[1]).ok
if kind ~= 'none' and kind ~= 'string' then return math.max(to - from, 0) end
local before = redis.call('GET', KEYS[1])
if before then
  local claimed_to, claimant = string.match(before, '^(%d+):(.*)$')
  if claimant ~= ARGV[3] then from = math.max(from, tonumber(claimed_to)) end
end
if to <= from then return 0 end
-- After a first write a full Redis allows a script every other one.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], to .. ':' .. ARGV[3], 'PX', 60000)
return to - from
