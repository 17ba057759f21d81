#!lua flags=allow-oom
-- Registers an opening of a venue that has no epoch, before it reads anything. The first opening that finishes ends the others: they
-- have read an older state, and write nothing.
--
-- KEYS[1] venue:openings   hash: id of an opening -> 1; absent while the venue is open
-- ARGV[1] id of the opening

-- Left by processes that ended meanwhile. Deleting those of others too only makes them begin again.
if redis.call('HLEN', KEYS[1]) >= 1000 then redis.call('DEL', KEYS[1]) end
return redis.call('HSET', KEYS[1], ARGV[1], 1)
