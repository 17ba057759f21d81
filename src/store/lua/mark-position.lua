#!lua flags=allow-oom
-- Records the position up to which a reader of the log has all events, and trims the oldest of those that all readers have.
--
-- KEYS[1] the reader's position, string: <epoch>:<seq>   KEYS[2] venue:epoch   KEYS[3] venue:events
-- KEYS[4..] the positions of the other readers; the log is kept while one of them has none in this epoch
-- ARGV[1] epoch   ARGV[2] seq   ARGV[3] number of events to keep besides

if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end

local function seq_of(key)
  local epoch, seq = string.match(redis.call('GET', key) or '', '^(.*):(%d+)$')
  if epoch == ARGV[1] then return tonumber(seq) end
end

if (seq_of(KEYS[1]) or -1) >= tonumber(ARGV[2]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2])
local least = tonumber(ARGV[2])
for i = 4, #KEYS do least = math.min(least, seq_of(KEYS[i]) or 0) end
redis.call('XTRIM', KEYS[3], 'MINID', '~', string.format('%d-0', math.max(0, least - tonumber(ARGV[3]))))
return 1
