-- Ends an epoch: nothing is decided until the venue is opened again.
--
-- KEYS[1] venue:epoch   ARGV[1] the epoch to end

if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], '')
return 1
