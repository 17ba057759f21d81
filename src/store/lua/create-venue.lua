-- Creates what is missing of the venue. Two processes that do so at once agree: the first to come decides.
--
-- KEYS as in decide.lua, 1 to 4; KEYS[5] venue:relayed
-- ARGV[1] a new epoch   ARGV[2] the epoch to end: that of an earlier run of Redis, or '' for none
-- ARGV[3] the least seq: no seat has a higher one
-- ARGV[4..] pairs: seat id, seat JSON, of seats that may be missing

if not redis.REDIS_VERSION_NUM then
  return redis.error_reply('OLDREDIS Redis 7.0 or newer is needed')
end

local seq = math.max(tonumber(ARGV[3]), tonumber(redis.call('GET', KEYS[3]) or 0))
local newest = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)[1]
if newest then
  seq = math.max(seq, tonumber(string.match(newest[1], '^%d+')))
end
redis.call('SET', KEYS[3], string.format('%d', seq))

local epoch = redis.call('GET', KEYS[2])
if not epoch or epoch == ARGV[2] then
  redis.call('SET', KEYS[2], ARGV[1])
  -- What the epoch before has left unpublished is published in this one.
  local relayed = tonumber(string.match(redis.call('GET', KEYS[5]) or '', ':(%d+)$') or seq)
  redis.call('SET', KEYS[5], string.format('%s:%d', ARGV[1], math.min(relayed, seq)))
end

for i = 4, #ARGV, 2 do
  redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1])
end
return redis.status_reply('OK')
