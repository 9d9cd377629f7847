-- Takes the queue as a segment, if this connection has the right to. Remembers keys of others that
-- are in the way: a later segment has a higher number.
-- KEYS: queue, segment, owner, last taker. ARGV: token, the segment's number, identity.
local held = redis.call('HMGET', KEYS[3], 'token', 'segment', 'foreign')
if held[1] ~= ARGV[1] then
  return redis.error_reply('FENCED the right to take this queue is not of this connection')
end
-- Ours was counted as it was taken, also where the reply did not arrive.
if tonumber(held[2] or 0) < tonumber(ARGV[2]) and redis.call('EXISTS', KEYS[2]) == 1 then
  -- A full Redis allows HDEL, and after a first write it allows a script every other one.
  redis.call('HDEL', KEYS[3], 'foreign')
  redis.call('HSET', KEYS[3], 'foreign', (held[3] and held[3] .. ' ' or '') .. ARGV[2])
  return redis.error_reply('FOREIGN the segment exists, and no gateway made it')
end
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return 0 end
if kind ~= 'list' then return redis.error_reply('WRONGTYPE the queue is a ' .. kind) end
local renamed = redis.call('RENAMENX', KEYS[1], KEYS[2])
if renamed == 1 then
  redis.call('HSET', KEYS[3], 'segment', ARGV[2])
  redis.call('SET', KEYS[4], ARGV[3] .. ':' .. ARGV[2])
end
return renamed
