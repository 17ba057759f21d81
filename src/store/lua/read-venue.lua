-- Reads the whole venue in one atomic step.
--
-- KEYS as in decide.lua, 1 to 5; KEYS[6] venue:relayed   KEYS[7] venue:about   hash: system, venue, plan (the hash of the plan), plan_read_at_ms; creating, until a new show is complete
-- KEYS[8] venue:plan    the plan: see stored-plan.ts
-- Returns {now ms, epoch or '', seq or -1, {seat id, seat JSON, ...}, oldest and newest seq of the log or 0, 1 if there is a log,
--   {field of venue:about, value, ...}, number of KEYS that exist, 1 if there is a plan}

local now = redis.call('TIME')

local function seq_at(command, from, to)
  local entry = redis.call(command, KEYS[4], from, to, 'COUNT', 1)[1]
  return entry and tonumber(string.match(entry[1], '^%d+')) or 0
end

-- Fails with WRONGTYPE, as all other reads here do, before anything is written.
redis.call('HLEN', KEYS[5])
redis.call('GET', KEYS[6])

return {
  now[1] * 1000 + math.floor(now[2] / 1000),
  redis.call('GET', KEYS[2]) or '',
  tonumber(redis.call('GET', KEYS[3]) or -1),
  redis.call('HGETALL', KEYS[1]),
  seq_at('XRANGE', '-', '+'),
  seq_at('XREVRANGE', '+', '-'),
  redis.call('EXISTS', KEYS[4]),
  redis.call('HGETALL', KEYS[7]),
  redis.call('EXISTS', unpack(KEYS)),
  redis.call('EXISTS', KEYS[8]),
}
