-- Decides commands in order, in one atomic step: each on all its seats or on none. The only script that decides; write-venue.lua also writes
-- seats, when a venue is opened or restored.
--
-- KEYS[1] venue:seats    hash: seat id -> JSON
-- KEYS[2] venue:epoch    string; empty: the epoch has ended and the venue must be opened again; missing: never opened
-- KEYS[3] venue:seq      integer: number of transitions so far
-- KEYS[4] venue:events   stream: the transition `seq` has the id <seq>-0
-- KEYS[5] venue:holds    hash: user -> the seats that the user holds, '<seat id>=<end in ms> ...'; an extended hold: '<seat id>=<end in ms>+<extensions>'
-- KEYS[6..] for each seat, seat:<id>:lock: string: the user who holds or has booked the seat;
--           then, if there is a cool-down, for each seat, seat:<id>:cooldown: string: the user who must wait before holding this seat again;
--           then, for each command with a key, in order, seat:<ids>:answer:...: its answer, '<refusal> [[state, ...], [seat, ...]]',
--           or for each command of an order, in the same order, venue:order:<id>:closed: exists once the order is closed
-- ARGV[1] epoch that the caller knows   ARGV[2] seq that the caller knows
-- ARGV[3] hold TTL in ms                ARGV[4] maximum number of seats that one user holds   ARGV[5] maximum number of extensions of a hold
-- ARGV[6] how many ms an answer is kept
-- ARGV[7] cool-down in ms: after a hold expired, or was released in its second half, its user may not hold the seat again; 0: none
-- ARGV[8] JSON: [[seat id, seq of the seat that the caller knows], ...]
-- ARGV[9] JSON: [command, ...]: ["expire", [seat, ...]] or ["select" | "extend" | "book" | "release", [seat, ...], user id], where a seat is its index
--   in ARGV[8], from 0; a command with a key has a fourth item: "key", or "repeat" if it is a retry
--   or ["checkout" | "rehold" | "sell" | "close" | "revoke", [seat, ...], user id, "order", ms]: the hold ends after that time; close and revoke: the
--   order stays closed for that time; revoke with two more items, an epoch and a seq: acts again, on seats that are still as they were booked by that transition
-- ARGV[10] maximum length of the log
-- ARGV[11] "full" if Redis has reached its memory limit: new holds are refused (STORE_UNAVAILABLE), everything else works
--
-- A seat's JSON begins with its planned part (id, row, col, ...), which stays unchanged; its state (status, held_by, expires_at, seq) follows.
-- Returns JSON, because clients parse many small RESP values slowly: [now ms, states, transitions, answers]. states: for each seat, its
-- first state and the state after each of its transitions. A transition is [seat, index of its new state in the seat's states, user, reason or ''].
-- An answer is [refusal or '', for each seat of the command the index in the seat's states, the seats that are the reason of the refusal].
-- Fails with VENUELOST if this is not the venue that the caller knows. If the data is older than the caller's, it first ends the epoch.

local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ttl_ms = tonumber(ARGV[3])
local max_holds = tonumber(ARGV[4])
local max_extensions = tonumber(ARGV[5])
local cooldown_ms = tonumber(ARGV[7])
local named = cjson.decode(ARGV[8])
local commands = cjson.decode(ARGV[9])
local is_full = ARGV[11] == 'full'

local epoch = redis.call('GET', KEYS[2])
local seq = tonumber(redis.call('GET', KEYS[3]) or -1)
if epoch == ARGV[1] and seq < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[2], '')
  epoch = ''
end
if epoch ~= ARGV[1] then return redis.error_reply('VENUELOST the venue is not the one that the caller knows') end

local seats = {}
if #named > 0 then
  local ids = {}
  for i, seat in ipairs(named) do ids[i] = seat[1] end
  for i, json in ipairs(redis.call('HMGET', KEYS[1], unpack(ids))) do
    if not json then return redis.error_reply('VENUELOST seat ' .. ids[i] .. ' is missing') end
    local planned, state_json = string.match(json, '^(.-)("status":.*)$')
    local is_json, state = pcall(cjson.decode, '{' .. (state_json or ''))
    local is_seat = is_json and type(state.status) == 'number' and type(state.seq) == 'number'
    if not is_seat or state.seq < named[i][2] then
      redis.call('SET', KEYS[2], '')
      return redis.error_reply('VENUELOST seat ' .. ids[i] .. ' cannot be read, or is older than the caller knows it')
    end
    seats[i] = {
      id = ids[i], index = i - 1, planned = planned, lock_key = KEYS[5 + i], cooldown_key = KEYS[5 + #named + i],
      status = state.status, holder = state.held_by, seq = state.seq, states = { '{' .. state_json }, newest = 0,
    }
  end
end

local transitions = {}

-- Returns the live holds of a user (by seat id, the token of venue:holds) and their number.
local function holds_of(user)
  local tokens, count = {}, 0
  for token in string.gmatch(redis.call('HGET', KEYS[5], user) or '', '%S+') do
    local held_id, ends_ms = string.match(token, '^([%w-]+)=(%d+)')
    if tonumber(ends_ms) >= now_ms then
      tokens[held_id] = token
      count = count + 1
    end
  end
  return tokens, count
end

local function write_holds(user, tokens)
  local list = {}
  for _, token in pairs(tokens) do list[#list + 1] = token end
  table.sort(list)
  if #list > 0 then redis.call('HSET', KEYS[5], user, table.concat(list, ' ')) else redis.call('HDEL', KEYS[5], user) end
end

local function extensions_of(token)
  return tonumber(string.match(token or '', '%+(%d+)$') or 0)
end

-- Adds the event before it writes the seat: Redis does not roll back a failed script, and XADD can fail.
local function commit(seat, kind, status, user, ends_ms, reason)
  seq = seq + 1
  local seq_text = string.format('%d', seq)
  local event = { 'type', kind, 'seat_id', seat.id, 'user_id', user, 'status', tostring(status),
    'at_ms', string.format('%d', now_ms), 'epoch', epoch, 'seq', seq_text }
  if ends_ms then
    event[#event + 1] = 'expires_ms'
    event[#event + 1] = string.format('%d', ends_ms)
  end
  if reason ~= '' then
    event[#event + 1] = 'reason'
    event[#event + 1] = reason
  end
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[10], seq_text .. '-0', unpack(event))
  redis.call('SET', KEYS[3], seq_text)

  seat.status = status
  seat.holder = status ~= 0 and user or nil
  seat.seq = seq
  local state = '"status":' .. status
  if seat.holder then state = state .. ',"held_by":' .. cjson.encode(user) end
  if ends_ms then state = state .. string.format(',"expires_at":%.3f', ends_ms / 1000) end
  state = state .. ',"seq":' .. seq_text .. '}'
  redis.call('HSET', KEYS[1], seat.id, seat.planned .. state)
  seat.newest = #seat.states
  seat.states[seat.newest + 1] = '{' .. state
  transitions[#transitions + 1] = string.format('[%d,%d,%s,"%s"]', seat.index, seat.newest, cjson.encode(user), reason)
end

local function start_cooldown(seat, user)
  if cooldown_ms > 0 then redis.call('SET', seat.cooldown_key, user, 'PX', ARGV[7]) end
end

-- Releases a hold whose lock has expired. Time stands still within a script, so one check per seat is enough.
local function expire_overdue(seat)
  if seat.is_checked then return end
  seat.is_checked = true
  if seat.status ~= 1 or redis.call('EXISTS', seat.lock_key) == 1 then return end
  local user = seat.holder
  commit(seat, 'released', 0, user, nil, 'expired')
  local tokens = holds_of(user)
  tokens[seat.id] = nil
  write_holds(user, tokens)
  start_cooldown(seat, user)
end

-- Returns a refusal; true: the seat changes; false: it is already in the wanted state.
local function verdict_on(action, user, seat)
  if seat.status == 2 then
    if action == 'book' and seat.holder == user then return false end
    return 'SEAT_BOOKED'
  end
  if seat.status == 1 then
    if action == 'select' then
      if seat.holder == user then return false end
      return 'SEAT_HELD'
    end
    if seat.holder == user and redis.call('GET', seat.lock_key) == user then return true end
    return 'NOT_HOLDER'
  end
  if action == 'select' then return true end
  return 'NOT_HOLDER'
end

-- Returns the seats of `changing` that are the reason of a refusal; nil if there are none.
local function refused_by(changing, is_reason)
  local refused = {}
  for _, seat in ipairs(changing) do
    if is_reason(seat) then refused[#refused + 1] = seat end
  end
  if #refused > 0 then return refused end
end

-- Returns a refusal and its seats; or '', the seats that change and the holds of the user.
local function verdict(action, user, group)
  local refusal
  local refused, changing = {}, {}
  for _, seat in ipairs(group) do
    local one = verdict_on(action, user, seat)
    if one == true then
      changing[#changing + 1] = seat
    elseif one then
      refusal = refusal or one
      refused[#refused + 1] = seat
    end
  end
  local is_group = #group > 1
  if refusal then return action == 'select' and is_group and 'SEATS_TAKEN' or refusal, refused end
  if #changing == 0 then return '', changing end

  local tokens, count = holds_of(user)
  if action == 'select' then
    if count + #changing > max_holds then return 'HOLD_LIMIT', changing end
    local cooling = cooldown_ms > 0 and refused_by(changing, function(seat) return redis.call('GET', seat.cooldown_key) == user end)
    if cooling then return 'COOLDOWN', cooling end
    local locked = refused_by(changing, function(seat) return redis.call('EXISTS', seat.lock_key) == 1 end)
    if locked then return is_group and 'SEATS_TAKEN' or 'SEAT_HELD', locked end
    if is_full then return 'STORE_UNAVAILABLE', changing end
  elseif action == 'extend' then
    local spent = refused_by(changing, function(seat) return extensions_of(tokens[seat.id]) >= max_extensions end)
    if spent then return 'EXTENSION_LIMIT', spent end
  end
  return '', changing, tokens
end

local change = {}

-- A hold is never shortened: while it is being paid for, it ends later than an extension would.
local function later_end(seat, tokens, ends_ms)
  local held_until = string.match(tokens[seat.id] or '', '=(%d+)')
  return math.max(ends_ms, tonumber(held_until or 0))
end

-- Holds a seat, or extends its hold; `extensions` is their number afterwards.
local function hold_until(seat, user, tokens, ends_ms, reason, extensions)
  local ends_text = string.format('%d', ends_ms)
  commit(seat, 'held', 1, user, ends_ms, reason)
  redis.call('SET', seat.lock_key, user, 'PXAT', ends_text)
  tokens[seat.id] = string.format('%s=%s', seat.id, ends_text) .. (extensions > 0 and '+' .. extensions or '')
end

function change.select(seat, user, tokens)
  local ends_ms = string.format('%d', now_ms + ttl_ms)
  commit(seat, 'held', 1, user, now_ms + ttl_ms, '')
  redis.call('SET', seat.lock_key, user, 'NX', 'PXAT', ends_ms)
  tokens[seat.id] = seat.id .. '=' .. ends_ms
end

function change.extend(seat, user, tokens)
  local extensions = extensions_of(tokens[seat.id]) + 1
  hold_until(seat, user, tokens, later_end(seat, tokens, now_ms + ttl_ms), 'extended', extensions)
end

function change.checkout(seat, user, tokens, ms)
  hold_until(seat, user, tokens, later_end(seat, tokens, now_ms + ms), 'checkout', extensions_of(tokens[seat.id]))
end

change.rehold = change.checkout

function change.book(seat, user, tokens)
  commit(seat, 'booked', 2, user, nil, '')
  redis.call('PERSIST', seat.lock_key) -- without expiry every later SET NX fails
  tokens[seat.id] = nil
end

function change.release(seat, user, tokens)
  -- Otherwise a user could keep a seat by releasing and selecting it again just before each end.
  local is_late = redis.call('PTTL', seat.lock_key) * 2 < ttl_ms
  commit(seat, 'released', 0, user, nil, 'user')
  redis.call('DEL', seat.lock_key)
  tokens[seat.id] = nil
  if is_late then start_cooldown(seat, user) end
end

change.sell = change.book

function change.close(seat, user, tokens)
  commit(seat, 'released', 0, user, nil, 'closed')
  redis.call('DEL', seat.lock_key)
  tokens[seat.id] = nil
end

change.revoke = change.close

-- As verdict_on, for a command of an order that is not closed.
local function order_verdict_on(action, user, seat)
  if action == 'checkout' then return verdict_on('extend', user, seat) end
  if action == 'sell' then return verdict_on('book', user, seat) end
  if seat.status == 2 then return seat.holder ~= user and 'SEAT_BOOKED' end
  if seat.status == 1 then return seat.holder == user or 'SEAT_HELD' end
  return redis.call('EXISTS', seat.lock_key) == 0 or 'SEAT_HELD'
end

-- Returns a refusal, or whether `close` or `revoke` frees the seat.
local function end_verdict_on(action, user, seat, is_closed, booked_in, booked_at)
  if seat.holder ~= user then return false end
  if booked_in then return seat.status == 2 and seat.seq == booked_at and epoch == booked_in end
  if is_closed then return false end
  return action == 'close' and seat.status == 2 and 'SEAT_BOOKED' or true
end

-- Returns an answer to a command of an order.
local function decide_for_order(closed_key, action, user, group, ms, booked_in, booked_at)
  local is_closed = redis.call('EXISTS', closed_key) == 1
  local is_end = action == 'close' or action == 'revoke'
  local refusal, refused, changing, newest = '', {}, {}, {}
  for i, seat in ipairs(group) do
    local one
    if is_end then one = end_verdict_on(action, user, seat, is_closed, booked_in, booked_at)
    else one = is_closed and 'ORDER_CLOSED' or order_verdict_on(action, user, seat) end
    if one == true then
      changing[#changing + 1] = seat
    elseif one then
      if refusal == '' then refusal = one end
      refused[#refused + 1] = seat.index
    end
  end
  if refusal == '' and is_full and action == 'rehold' then
    refusal = 'STORE_UNAVAILABLE'
    for i, seat in ipairs(changing) do refused[i] = seat.index end
  end
  if refusal == '' then
    local tokens = holds_of(user)
    for _, seat in ipairs(changing) do change[action](seat, user, tokens, ms) end
    if #changing > 0 then write_holds(user, tokens) end
    if is_end then redis.call('SET', closed_key, user, 'PX', ms) end
  end
  for i, seat in ipairs(group) do newest[i] = seat.newest end
  return refusal, newest, refused
end

-- Returns an answer.
local function decide(action, user, group)
  local refusal, found, tokens = verdict(action, user, group)
  local refused, newest = {}, {}
  if refusal ~= '' then
    for i, seat in ipairs(found) do refused[i] = seat.index end
  elseif #found > 0 then
    for _, seat in ipairs(found) do change[action](seat, user, tokens) end
    write_holds(user, tokens)
  end
  for i, seat in ipairs(group) do newest[i] = seat.newest end
  return refusal, newest, refused
end

-- Decides a command that may be retried; a retry gets the kept answer.
local function decide_once(key, action, user, group, is_repeat)
  local kept = redis.call('GET', key)
  if kept then
    local refusal, json = string.match(kept, '^(%S*) (.*)$')
    local states, places = unpack(cjson.decode(json))
    local newest, refused = {}, {}
    for i, state in ipairs(states) do
      local seat = group[i]
      seat.states[#seat.states + 1] = state
      newest[i] = #seat.states - 1 -- not the newest of the seat
    end
    for i, place in ipairs(places) do refused[i] = group[place].index end
    return refusal, newest, refused
  end
  local seq_before = seq
  local refusal, newest, refused = decide(action, user, group)
  -- The answer to a first attempt that changes nothing is not kept: a second attempt may be decided again.
  if (is_repeat or seq > seq_before) and refusal ~= 'STORE_UNAVAILABLE' then
    local states, places = {}, {}
    for i, seat in ipairs(group) do
      states[i] = cjson.encode(seat.states[seat.newest + 1])
      for _, index in ipairs(refused) do
        if index == seat.index then places[#places + 1] = string.format('%d', i) end
      end
    end
    local json = string.format('[[%s],[%s]]', table.concat(states, ','), table.concat(places, ','))
    redis.call('SET', key, refusal .. ' ' .. json, 'PX', ARGV[6])
  end
  return refusal, newest, refused
end

local next_key = 6 + (cooldown_ms > 0 and 2 or 1) * #named

local answers = {}
for c, command in ipairs(commands) do
  local action, indexes, user, attempt, ms, booked_in, booked_at = unpack(command)
  local group = {}
  for i, index in ipairs(indexes) do
    group[i] = seats[index + 1]
    expire_overdue(group[i])
  end
  local refusal, newest, refused = '', {}, {}
  if action == 'expire' then
    for i, seat in ipairs(group) do newest[i] = seat.newest end
  elseif attempt == 'order' then
    refusal, newest, refused = decide_for_order(KEYS[next_key], action, user, group, ms, booked_in, booked_at)
    next_key = next_key + 1
  elseif attempt then
    refusal, newest, refused = decide_once(KEYS[next_key], action, user, group, attempt == 'repeat')
    next_key = next_key + 1
  else
    refusal, newest, refused = decide(action, user, group)
  end
  answers[c] = string.format('["%s",[%s],[%s]]', refusal, table.concat(newest, ','), table.concat(refused, ','))
end

local states = {}
for i, seat in ipairs(seats) do states[i] = '[' .. table.concat(seat.states, ',') .. ']' end
return string.format('[%d,[%s],[%s],[%s]]', now_ms, table.concat(states, ','), table.concat(transitions, ','), table.concat(answers, ','))
