import { createHash } from 'node:crypto';

export interface RedisUsersOptions {
  /** Prefix of the booking service's keys. */
  keyPrefix: string;
  adminPassword: string;
  bookingPassword: string;
  /** Of the replicas. Absent: there are none. */
  replicaPassword?: string;
}

/** Commands that the scripts of `src/store/lua` and their client use. */
const bookingCommands = [
  ...['get', 'mget', 'set', 'del', 'exists', 'persist', 'pexpiretime', 'pttl', 'time'],
  ...['hget', 'hmget', 'hset', 'hdel', 'hgetall', 'hlen', 'xadd', 'xrange', 'xrevrange', 'xtrim'],
  ...['eval', 'evalsha', 'info', 'ping', 'hello'],
];

/** For people, and for the audit of `npm run load`. Excludes commands that list all keys, block, or block other clients (MULTI). */
const viewerCommands = [
  ...['get', 'mget', 'strlen', 'exists', 'type', 'ttl', 'pttl', 'expiretime', 'pexpiretime', 'dbsize', 'time'],
  ...['hget', 'hmget', 'hgetall', 'hkeys', 'hvals', 'hlen', 'hexists', 'xrange', 'xrevrange', 'xlen'],
  ...['info', 'ping', 'hello', 'command', 'slowlog|get', 'slowlog|len'],
];

/**
 * The users of our Redis, as its ACL file expects them: `booking` may run its commands on its own keys; `viewer`, which needs
 * no password, may only read.
 *
 * `default` keeps all rights, protected by a password: Redis 7.0 loads its append-only file as that user, and drops every
 * transaction in it that this user may not run.
 */
export function redisUsers(options: RedisUsersOptions): string {
  const { keyPrefix, adminPassword, bookingPassword, replicaPassword } = options;
  // Those of the default show, and those of the others: see `keyPrefixOf`.
  const kinds = ['venue', 'seat'].flatMap((kind) => [`${kind}:*`, `{*}:${kind}:*`]);
  const keys = (pattern: string) => kinds.map((kind) => `${pattern}${keyPrefix}${kind}`).join(' ');
  const only = (commands: string[]) => `-@all ${commands.map((name) => `+${name}`).join(' ')}`;
  return [
    `user default on ${hashed(adminPassword)} ~* &* +@all`,
    `user booking on ${hashed(bookingPassword)} resetchannels ${keys('~')} ${only(bookingCommands)}`,
    ...(replicaPassword === undefined
      ? []
      : [`user replica on ${hashed(replicaPassword)} -@all +psync +replconf +ping`]),
    `user viewer on nopass resetchannels ${keys('%R~')} ${only(viewerCommands)}`,
    '',
  ].join('\n');
}

const hashed = (password: string) => `#${createHash('sha256').update(password).digest('hex')}`;
