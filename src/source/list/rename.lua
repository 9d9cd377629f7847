-- Takes the queue as a segment, if this connection has the right to.
-- KEYS: queue, segment, owner, last taker. ARGV: token, the segment's number, identity.
if redis.call('HGET', KEYS[3], 'token') ~= ARGV[1] then
  return redis.error_reply('FENCED the right to take this queue is not of this connection')
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
