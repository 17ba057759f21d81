-- Reads the events after a position.
--
-- KEYS as in decide.lua, 1 to 4
-- ARGV[1] epoch   ARGV[2] seq   ARGV[3] maximum number of events   ARGV[4] number of seats of the venue
-- Returns {now ms, epoch, seq, {event, ...} or false if the log does not reach back to the position};
-- fails with VENUELOST if there is no venue, if a part of it is missing, or if it is older than the caller's copy, which
-- also ends the epoch.

local now = redis.call('TIME')
local epoch = redis.call('GET', KEYS[2])
local seq = tonumber(redis.call('GET', KEYS[3]) or -1)
local after = tonumber(ARGV[2])
if epoch and epoch == ARGV[1] and seq < after then
  redis.call('SET', KEYS[2], '')
  epoch = ''
end
if not epoch or epoch == '' then
  return redis.error_reply('VENUELOST the venue is not the one that the caller knows')
end

local newest = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)[1]
local is_log_lost
if newest then
  is_log_lost = tonumber(string.match(newest[1], '^%d+')) > seq
else
  is_log_lost = seq > 0 and redis.call('EXISTS', KEYS[4]) == 0
end
if is_log_lost or redis.call('HLEN', KEYS[1]) ~= tonumber(ARGV[4]) then
  return redis.error_reply('VENUELOST a part of the venue is missing')
end

local events = false
if epoch == ARGV[1] then
  events = {}
  if seq > after then
    local entries = redis.call('XRANGE', KEYS[4], string.format('%d-0', after + 1), '+', 'COUNT', ARGV[3])
    if entries[1] and entries[1][1] == string.format('%d-0', after + 1) then
      for i, entry in ipairs(entries) do events[i] = entry[2] end
    else
      events = false
    end
  end
end

return { now[1] * 1000 + math.floor(now[2] / 1000), epoch, seq, events }
