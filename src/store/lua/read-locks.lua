-- Reads the locks of seats.
--
-- KEYS[1..] seat:<id>:lock
-- Returns {user or false, end in Unix ms or -1 for no end, ...} in the order of KEYS

local locks = {}
for i, key in ipairs(KEYS) do
  locks[2 * i - 1] = redis.call('GET', key)
  locks[2 * i] = redis.call('PEXPIRETIME', key)
end
return locks
