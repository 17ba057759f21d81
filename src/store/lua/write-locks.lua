#!lua flags=allow-oom
-- Writes locks of a venue that is being opened.
--
-- KEYS[1] venue:openings   KEYS[2..] seat:<id>:lock
-- ARGV[1] id of the opening   ARGV[2..] for each lock: user, end in Unix ms or -1 for a booking. The lock of a hold does not replace another.
-- Returns 0 if the opening is over.

if not redis.call('HGET', KEYS[1], ARGV[1]) then return 0 end

for i = 2, #KEYS do
  local user, end_ms = ARGV[2 * i - 2], ARGV[2 * i - 1]
  if end_ms == '-1' then redis.call('SET', KEYS[i], user) else redis.call('SET', KEYS[i], user, 'PXAT', end_ms, 'NX') end
end
return 1
