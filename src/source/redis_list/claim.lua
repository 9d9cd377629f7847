-- The right to take the queue goes to this connection, unless a newer one has it.
-- KEYS: owner. ARGV: epoch, nonce, connection; the token to replace, whosever it is.
local found = redis.call('HMGET', KEYS[1], 'token', 'segment')
if found[1] and found[1] ~= ARGV[4] then
  local epoch, nonce, connection = string.match(found[1], '^(%d+):(.*):(%d+)$')
  local newer_owner = epoch and tonumber(epoch) > tonumber(ARGV[1])
  local newer_connection = nonce == ARGV[2] and tonumber(connection) > tonumber(ARGV[3])
  if newer_owner or newer_connection then return {0, found[1], found[2]} end
end
-- A full Redis allows DEL, and after a first write it allows a script every other one.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'token', ARGV[1] .. ':' .. ARGV[2] .. ':' .. ARGV[3])
if found[2] then redis.call('HSET', KEYS[1], 'segment', found[2]) end
return {1, found[1], found[2]}
