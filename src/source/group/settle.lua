-- Counts what a group has consumed against what its stream has added, and claims what is missing.
-- KEYS: stream, ledger. ARGV: group, identity, the last id that it has applied.
-- Returns whether all three are there and count; what this identity has claimed
-- as lost ever, and now; entries added; entries consumed or lost, -1 while that is unknown.
local function fields(flat)
  local map = {}
  for at = 1, #flat, 2 do map[flat[at]] = flat[at + 1] end
  return map
end
-- Ids have numbers of 64 bits, which Lua's cannot hold.
local function is_less(one, other)
  if #one ~= #other then return #one < #other end
  return one < other
end
local function is_before(one, other)
  local one_time, one_sequence = string.match(one, '(%d+)-(%d+)')
  local other_time, other_sequence = string.match(other, '(%d+)-(%d+)')
  if one_time ~= other_time then return is_less(one_time, other_time) end
  return is_less(one_sequence, other_sequence)
end

local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'none' and kind ~= 'hash' then return {0, 0, 0, 0, -1} end
local ledger = fields(redis.call('HGETALL', KEYS[2]))
if ledger['applied:' .. ARGV[2]] ~= ARGV[3] then
  -- A full Redis allows HDEL, and after a first write it allows a script every other one.
  redis.call('HDEL', KEYS[2], 'applied:' .. ARGV[2])
  redis.call('HSET', KEYS[2], 'applied:' .. ARGV[2], ARGV[3])
end
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0, 0, 0, -1} end
local stream = fields(redis.call('XINFO', 'STREAM', KEYS[1]))
local added = stream['entries-added']
local group
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local candidate = fields(reply)
  if candidate['name'] == ARGV[1] then group = candidate end
end
if not added or not group then return {0, 0, 0, 0, -1} end

local mine = tonumber(ledger['lost:' .. ARGV[2]] or 0)
local counted = group['pending'] + tonumber(ledger['acknowledged'] or 0)
for name, value in pairs(ledger) do
  if string.sub(name, 1, 5) == 'lost:' then counted = counted + tonumber(value) end
end

-- How many entries were added up to the last one delivered; known at the stream's end, and when
-- everything in the stream comes after it.
local index
local delivered, first = group['last-delivered-id'], stream['first-entry']
if delivered == stream['last-generated-id'] then
  index = added
elseif not first or is_before(delivered, first[1]) then
  index = added - stream['length']
end

local base, claimed = tonumber(ledger['base']), 0
if index and (not base or base + counted > index) then
  -- Counted from here on: the ledger is new, or of another history of the stream.
  base = index - counted
  redis.call('HDEL', KEYS[2], 'base')
  redis.call('HSET', KEYS[2], 'base', base)
elseif index and base + counted < index then
  claimed = index - base - counted
  redis.call('HDEL', KEYS[2], 'base')
  redis.call('HSET', KEYS[2], 'base', base, 'lost:' .. ARGV[2], mine + claimed)
end
return {1, mine + claimed, claimed, added, base and base + counted + claimed or -1}
