-- The whole venue at one moment.
--
-- KEYS as in decide.lua, 1 to 4
-- Returns {now ms, epoch or '', seq, {seat id, seat JSON, ...}}

local now = redis.call('TIME')

return {
  now[1] * 1000 + math.floor(now[2] / 1000),
  redis.call('GET', KEYS[2]) or '',
  tonumber(redis.call('GET', KEYS[3]) or 0),
  redis.call('HGETALL', KEYS[1]),
}
