-- Compares seats with the caller's copy and with their locks. A part that was lost or set back ends the epoch.
--
-- KEYS[1] venue:seats   KEYS[2] venue:epoch   KEYS[3..] seat:<id>:lock
-- ARGV[1] epoch that the caller knows
-- ARGV[2..] for each lock: seat id, seq of the seat that the caller knows
-- Returns 1; fails with VENUELOST if a seat is older than known, is booked without its lock, or is not booked and has a lock without an end.

if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 1 end

for i = 3, #KEYS do
  local id, known_seq = ARGV[2 * i - 4], tonumber(ARGV[2 * i - 3])
  local json = redis.call('HGET', KEYS[1], id) or ''
  local seq = tonumber(string.match(json, '"seq":(%d+)') or -1)
  local is_booked = string.find(json, '"status":2', 1, true) ~= nil
  local holder = string.match(json, '"held_by":"([^"]*)"')
  local user = redis.call('GET', KEYS[i])
  local has_no_end = redis.call('PTTL', KEYS[i]) == -1
  local is_lock_wrong
  if is_booked then
    is_lock_wrong = holder and not (user == holder and has_no_end)
  else
    is_lock_wrong = has_no_end
  end
  if seq < known_seq or is_lock_wrong then
    redis.call('SET', KEYS[2], '')
    return redis.error_reply('VENUELOST seat ' .. id .. ' differs from its lock, or is older than known')
  end
end
return 1
