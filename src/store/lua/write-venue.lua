#!lua flags=allow-oom
-- Writes a venue that has no epoch, and opens a new epoch. If several processes do this, the first one to finish wins.
--
-- KEYS as in decide.lua, 1 to 5; KEYS[6] venue:relayed   KEYS[7] venue:about   KEYS[8] venue:plan   KEYS[9] venue:ledger   KEYS[10] venue:openings
-- ARGV[1] the new epoch, or '' if more seats follow in another call
-- ARGV[2] seq
-- ARGV[3] JSON: {"isFresh": whether the show was never open, "about": {field: value, ...}, "holds": {user: '<seat id>=<end in ms> ...', ...}, "removed": [seat id, ...]}
-- ARGV[4] the plan: see stored-plan.ts; '' if more seats follow
-- ARGV[5] id of the opening: see begin-opening.lua   ARGV[6..] pairs: seat id, seat JSON
-- Returns 0 if another process has opened the venue since this opening began.

if (redis.call('GET', KEYS[2]) or '') ~= '' then return 0 end
if not redis.call('HGET', KEYS[10], ARGV[5]) then return 0 end

for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
local rest = cjson.decode(ARGV[3])
if ARGV[1] == '' then
  if rest.isFresh then redis.call('HSET', KEYS[7], 'creating', 1) end
  return 1
end
redis.call('HDEL', KEYS[7], 'creating')
redis.call('SET', KEYS[8], ARGV[4])

for _, id in ipairs(rest.removed) do redis.call('HDEL', KEYS[1], id) end
for field, value in pairs(rest.about) do redis.call('HSET', KEYS[7], field, value) end
-- A restored hold keeps its number of extensions.
local extensions = {}
for user in pairs(rest.holds) do
  for id, count in string.gmatch(redis.call('HGET', KEYS[5], user) or '', '([%w-]+)=%d+(%+%d+)') do extensions[user .. ' ' .. id] = count end
end
redis.call('DEL', KEYS[5])
for user, holds in pairs(rest.holds) do
  local tokens = {}
  for token, id in string.gmatch(holds, '(([%w-]+)=%d+)') do tokens[#tokens + 1] = token .. (extensions[user .. ' ' .. id] or '') end
  redis.call('HSET', KEYS[5], user, table.concat(tokens, ' '))
end

-- The unpublished events of the previous epoch are published in this one, and those that the ledger does not have go to it.
local seq = tonumber(ARGV[2])
local relayed = tonumber(string.match(redis.call('GET', KEYS[6]) or '', ':(%d+)$') or seq)
redis.call('SET', KEYS[6], string.format('%s:%d', ARGV[1], math.min(relayed, seq)))
local ledger = tonumber(string.match(redis.call('GET', KEYS[9]) or '', ':(%d+)$'))
if ledger then redis.call('SET', KEYS[9], string.format('%s:%d', ARGV[1], math.min(ledger, seq))) end
redis.call('SET', KEYS[3], string.format('%d', seq))
if seq > 0 and redis.call('EXISTS', KEYS[4]) == 0 then
  -- Creates an empty log that continues after seq.
  redis.call('XADD', KEYS[4], string.format('%d-0', seq), 'type', 'lost')
  redis.call('XTRIM', KEYS[4], 'MAXLEN', 0)
end
redis.call('DEL', KEYS[10])
redis.call('SET', KEYS[2], ARGV[1])
return 1
