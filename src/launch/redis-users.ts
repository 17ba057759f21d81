/**
 * The users of our Redis, in the form of its ACL file: the booking service may do what it does, with its own keys; whoever
 * has no password may look. `keyPrefix`: of the booking service's keys.
 */
export function redisUsers({ keyPrefix, password }: { keyPrefix: string; password: string }): string {
  const keys = ['venue', 'seat'].map((kind) => `~${keyPrefix}${kind}:*`).join(' ');
  const inScripts =
    'get set del exists persist pexpiretime time hget hset hsetnx hdel hgetall xadd xrange xrevrange xtrim';
  const commands = `${inScripts} eval evalsha info ping hello`.split(' ');
  return [
    `user booking on >${password} resetchannels ${keys} -@all ${commands.map((name) => `+${name}`).join(' ')}`,
    'user default on nopass resetchannels ~* -@all +@read +@connection +info +time +latency +slowlog|get +command -wait',
    '',
  ].join('\n');
}
