-- Fails if Redis takes no writes, or if the caller may not run one of the commands. Leaves no key behind.
--
-- KEYS[1] venue:writable   a key without any other use
-- KEYS[2] seat:-:lock       a lock of no seat: the caller must have access to keys of its kind
-- ARGV[1..] commands that the caller must be allowed to run; without any, only a write is checked

local key = KEYS[1]
local arguments = {
  XADD = { '*', 'a', 'b' },
  XRANGE = { '-', '+', 'COUNT', 1 },
  XREVRANGE = { '+', '-', 'COUNT', 1 },
  XTRIM = { 'MAXLEN', 1 },
  HSET = { 'a', 'b' },
  HGET = { 'a' },
  HMGET = { 'a' },
  HDEL = { 'a' },
}

local function try(command, ...)
  local reply = redis.pcall(command, key, ...)
  if type(reply) == 'table' and reply.err then return command .. ': ' .. reply.err end
end

-- SET first: Redis checks its memory limit at the first write of a script only.
local failure = try('SET', '1', 'PX', 1000) or try('DEL')
for _, command in ipairs(ARGV) do
  failure = failure or try(command, unpack(arguments[command] or {}))
  redis.pcall('DEL', key)
end
if failure then return redis.error_reply(failure) end
return 'OK'
