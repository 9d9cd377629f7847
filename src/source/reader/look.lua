-- How many entries a stream has ever had, and whether it has a group that nobody consumes.
-- KEYS: stream. ARGV: group. Returns two numbers; the first is -1 where Redis does not count.
local function fields(flat)
  local map = {}
  for at = 1, #flat, 2 do map[flat[at]] = flat[at + 1] end
  return map
end
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0} end
local stream = fields(redis.call('XINFO', 'STREAM', KEYS[1]))
local has_group = 0
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = fields(reply)
  if group['name'] == ARGV[1] and group['consumers'] == 0 then has_group = 1 end
end
return {stream['entries-added'] or -1, has_group}
