-- Decides commands on any number of seats: those on one seat in order, all of it atomically. The only script that decides; write-venue.lua
-- writes seats too, when a venue is opened or restored.
--
-- KEYS[1] venue:seats    hash: seat id -> JSON
-- KEYS[2] venue:epoch    string; empty: the epoch has ended and the venue must be opened again; missing: never opened
-- KEYS[3] venue:seq      integer: transitions so far
-- KEYS[4] venue:events   stream: the transition `seq` has the id <seq>-0
-- KEYS[5] venue:holds    hash: user -> the seats that the user holds, '<seat id>=<end in ms> ...'
-- KEYS[6..] for each seat, seat:<id>:lock: string: the user who holds or has booked the seat;
--           then, where there is a cool-down, for each seat, seat:<id>:cooldown: string: the user who must wait before holding this seat again;
--           then of each command that has a key, in order, seat:<id>:answer:...: its answer, '<refusal> <state JSON>'
-- ARGV[1] epoch that the caller knows   ARGV[2] seq that the caller knows
-- ARGV[3] hold TTL in ms                ARGV[4] how many seats one user may hold
-- ARGV[5] for how many ms an answer is kept
-- ARGV[6] cool-down in ms: after a hold lapsed, or was released in its second half, its user may not hold the seat again; 0: none
-- ARGV[7] JSON: [[seat id, seq of the seat that the caller knows, command, ...], ...]; a command is ["expire"], or ["select" | "book" | "release", user id],
--   with a third item where it has a key: "key", or "repeat" where it was asked before as well
-- ARGV[8] maximum length of the log
-- ARGV[9] "full" if Redis has reached its memory limit: then no seat is newly held (STORE_UNAVAILABLE), all else works
--
-- A seat's JSON begins with its planned part (id, row, col, ...), which is kept as it is; its state (status, held_by, expires_at, seq) follows.
-- Returns JSON, because clients parse many small RESP values slowly: [now ms, [states, transitions, answers], ...], those three for each seat:
-- its state before and after each transition; each transition as [index in `states` of what it made, user, reason or '']; each answer as
-- [refusal or '', index in `states`].
-- Fails with VENUELOST if this is not the venue that the caller knows. If the data is older than the caller's, it first ends the epoch.

local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local ttl_ms = tonumber(ARGV[3])
local max_holds = tonumber(ARGV[4])
local cooldown_ms = tonumber(ARGV[6])
local questions = cjson.decode(ARGV[7])
local is_full = ARGV[9] == 'full'

local epoch = redis.call('GET', KEYS[2])
local seq = tonumber(redis.call('GET', KEYS[3]) or -1)
if epoch == ARGV[1] and seq < tonumber(ARGV[2]) then
  redis.call('SET', KEYS[2], '')
  epoch = ''
end
if epoch ~= ARGV[1] then return redis.error_reply('VENUELOST the venue is not the one that the caller knows') end
local ids = {}
for i, question in ipairs(questions) do ids[i] = question[1] end
local json_of = {} -- of each seat as it now is
for i, json in ipairs(redis.call('HMGET', KEYS[1], unpack(ids))) do
  if not json then return redis.error_reply('VENUELOST seat ' .. ids[i] .. ' is missing') end
  if tonumber(string.match(json, '"seq":(%d+)') or -1) < questions[i][2] then
    redis.call('SET', KEYS[2], '')
    return redis.error_reply('VENUELOST seat ' .. ids[i] .. ' is older than the caller knows it')
  end
  json_of[ids[i]] = json
end

-- The seat that is being decided.
local id, planned, seat, lock_key, cooldown_key
local states -- its state as JSON, before and after each transition
local newest -- which of them is its state now
local transitions

local function encode_state()
  local json = '{"status":' .. seat.status
  if seat.held_by then json = json .. ',"held_by":' .. cjson.encode(seat.held_by) end
  if seat.expires_ms then json = json .. string.format(',"expires_at":%.3f', seat.expires_ms / 1000) end
  return json .. string.format(',"seq":%d}', seat.seq)
end

-- The live holds of the user, without this seat.
local function other_holds(user)
  local others = {}
  for held_id, ends_ms in string.gmatch(redis.call('HGET', KEYS[5], user) or '', '([%w-]+)=(%d+)') do
    if held_id ~= id and tonumber(ends_ms) >= now_ms then others[#others + 1] = held_id .. '=' .. ends_ms end
  end
  return others
end

-- The event is added before the seat is written: a script that fails is not rolled back, and XADD is what may fail.
local function commit(kind, status, user, others, expires_ms, reason)
  seq = seq + 1
  local seq_text = string.format('%d', seq)
  local event = { 'type', kind, 'seat_id', id, 'user_id', user, 'status', tostring(status),
    'at_ms', string.format('%d', now_ms), 'epoch', epoch, 'seq', seq_text }
  if expires_ms then
    event[#event + 1] = 'expires_ms'
    event[#event + 1] = string.format('%d', expires_ms)
  end
  if reason then
    event[#event + 1] = 'reason'
    event[#event + 1] = reason
  end
  redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[8], seq_text .. '-0', unpack(event))
  redis.call('SET', KEYS[3], seq_text)

  seat.status = status
  seat.held_by = status ~= 0 and user or nil
  seat.expires_ms = expires_ms
  seat.seq = seq
  newest = #states + 1
  states[newest] = encode_state()
  transitions[#transitions + 1] = string.format('[%d,%s,"%s"]', newest - 1, cjson.encode(user), reason or '')
  json_of[id] = planned .. string.sub(states[newest], 2)
  redis.call('HSET', KEYS[1], id, json_of[id])

  if kind == 'held' then others[#others + 1] = string.format('%s=%d', id, expires_ms) end
  if #others > 0 then redis.call('HSET', KEYS[5], user, table.concat(others, ' ')) else redis.call('HDEL', KEYS[5], user) end
end

local function start_cooldown(user)
  if cooldown_ms > 0 then redis.call('SET', cooldown_key, user, 'PX', ARGV[6]) end
end

local decide = {}

function decide.select(user)
  if seat.status == 2 then return 'SEAT_BOOKED' end
  if seat.status == 1 then return seat.held_by == user and '' or 'SEAT_HELD' end
  local others = other_holds(user)
  if #others >= max_holds then return 'HOLD_LIMIT' end
  if cooldown_ms > 0 and redis.call('GET', cooldown_key) == user then return 'COOLDOWN' end
  if redis.call('EXISTS', lock_key) == 1 then return 'SEAT_HELD' end
  if is_full then return 'STORE_UNAVAILABLE' end
  local ends_ms = now_ms + ttl_ms
  commit('held', 1, user, others, ends_ms)
  redis.call('SET', lock_key, user, 'NX', 'PXAT', string.format('%d', ends_ms))
  return ''
end

function decide.book(user)
  if seat.status == 2 then return seat.held_by == user and '' or 'SEAT_BOOKED' end
  if seat.status == 0 or seat.held_by ~= user or redis.call('GET', lock_key) ~= user then return 'NOT_HOLDER' end
  commit('booked', 2, user, other_holds(user))
  redis.call('PERSIST', lock_key) -- without expiry every later SET NX fails
  return ''
end

function decide.release(user)
  if seat.status == 2 then return 'SEAT_BOOKED' end
  if seat.status == 0 or seat.held_by ~= user or redis.call('GET', lock_key) ~= user then return 'NOT_HOLDER' end
  -- Otherwise a user could keep a seat by releasing and selecting it again just before each end.
  local is_late = redis.call('PTTL', lock_key) * 2 < ttl_ms
  commit('released', 0, user, other_holds(user), nil, 'user')
  redis.call('DEL', lock_key)
  if is_late then start_cooldown(user) end
  return ''
end

-- Holds that have ended are released before any command (below), so nothing is left to do.
function decide.expire()
  return ''
end

-- Decides a command that may be retried; a retry gets the kept answer. Returns the refusal and the index of the state.
local function decide_once(key, action, user, is_repeat)
  local kept = redis.call('GET', key)
  if kept then
    local refusal, state = string.match(kept, '^(%S*) (.*)$')
    states[#states + 1] = state
    return refusal, #states
  end
  local seq_before = seq
  local refusal = decide[action](user)
  -- A first attempt that changes nothing need not be kept: a second one may be decided anew.
  if (is_repeat or seq > seq_before) and refusal ~= 'STORE_UNAVAILABLE' then
    redis.call('SET', key, refusal .. ' ' .. states[newest], 'PX', ARGV[5])
  end
  return refusal, newest
end

local next_key = 6 + (cooldown_ms > 0 and 2 or 1) * #questions

local reply = { string.format('%d', now_ms) }
for i, question in ipairs(questions) do
  id, lock_key, cooldown_key = question[1], KEYS[5 + i], KEYS[5 + #questions + i]
  local state
  planned, state = string.match(json_of[id], '^(.-)("status":.*)$')
  states, newest, transitions = { '{' .. state }, 1, {}
  seat = cjson.decode(states[1])

  -- A hold whose lock is gone has ended. Time stands still within a script, so once is enough.
  if seat.status == 1 and redis.call('EXISTS', lock_key) == 0 then
    local holder = seat.held_by
    commit('released', 0, holder, other_holds(holder), nil, 'expired')
    start_cooldown(holder)
  elseif seat.expires_at then
    seat.expires_ms = math.floor(seat.expires_at * 1000 + 0.5)
  end

  local answers = {}
  for c = 3, #question do
    local action, user, asked = unpack(question[c])
    local refusal, index
    if asked then
      refusal, index = decide_once(KEYS[next_key], action, user, asked == 'repeat')
      next_key = next_key + 1
    else
      refusal = decide[action](user)
      index = newest
    end
    answers[c - 2] = string.format('["%s",%d]', refusal, index - 1)
  end
  reply[i + 1] = string.format('[[%s],[%s],[%s]]',
    table.concat(states, ','), table.concat(transitions, ','), table.concat(answers, ','))
end
return '[' .. table.concat(reply, ',') .. ']'
