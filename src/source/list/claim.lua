-- The right to take the queue goes to this connection, unless a newer one has it.
-- KEYS: owner, queue, last taker. ARGV: epoch, nonce, connection; the token to replace, whosever
-- it is; a segment known to be taken.
local found = redis.call('HMGET', KEYS[1], 'token', 'segment', 'foreign')
local queued = 0
if redis.call('TYPE', KEYS[2]).ok == 'list' then queued = redis.call('LLEN', KEYS[2]) end
local reply = {1, found[1], found[2], redis.call('GET', KEYS[3]), queued, found[3]}
if found[1] and found[1] ~= ARGV[4] then
  local epoch, nonce, connection = string.match(found[1], '^(%d+):(.*):(%d+)$')
  local newer_owner = epoch and tonumber(epoch) > tonumber(ARGV[1])
  local newer_connection = nonce == ARGV[2] and tonumber(connection) > tonumber(ARGV[3])
  if newer_owner or newer_connection then
    reply[1] = 0
    return reply
  end
end
local segment = found[2]
if tonumber(ARGV[5]) > tonumber(segment or 0) then segment = ARGV[5] end
-- A full Redis allows DEL, and after a first write it allows a script every other one.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'token', ARGV[1] .. ':' .. ARGV[2] .. ':' .. ARGV[3])
if segment then redis.call('HSET', KEYS[1], 'segment', segment) end
if found[3] then redis.call('HSET', KEYS[1], 'foreign', found[3]) end
return reply
