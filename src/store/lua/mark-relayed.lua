#!lua flags=allow-oom
-- Records the position up to which all events are published, and trims the oldest of them.
--
-- KEYS[1] venue:relayed  string: <epoch>:<seq>   KEYS[2] venue:epoch   KEYS[3] venue:events
-- ARGV[1] epoch   ARGV[2] seq   ARGV[3] number of published events to keep

if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end

local relayed = redis.call('GET', KEYS[1])
if relayed then
  local epoch, seq = string.match(relayed, '^(.*):(%d+)$')
  if epoch == ARGV[1] and tonumber(seq) >= tonumber(ARGV[2]) then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2])
redis.call('XTRIM', KEYS[3], 'MINID', '~', string.format('%d-0', math.max(0, tonumber(ARGV[2]) - tonumber(ARGV[3]))))
return 1
