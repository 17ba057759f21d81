import { createHash } from 'node:crypto';

export interface RedisUsersOptions {
  /** Of the booking service's keys. */
  keyPrefix: string;
  adminPassword: string;
  bookingPassword: string;
}

/** What the scripts of `src/store/lua` call, and what their client asks beside them. */
const bookingCommands = [
  ...['get', 'set', 'del', 'exists', 'persist', 'pexpiretime', 'pttl', 'time'],
  ...['hget', 'hmget', 'hset', 'hdel', 'hgetall', 'hlen', 'xadd', 'xrange', 'xrevrange', 'xtrim'],
  ...['eval', 'evalsha', 'info', 'ping', 'hello'],
];

/** For people, and for the audit of `npm run load`. What lists all keys at once, waits, or makes others wait (a MULTI) is not among them. */
const viewerCommands = [
  ...['get', 'mget', 'strlen', 'exists', 'type', 'ttl', 'pttl', 'expiretime', 'pexpiretime', 'dbsize', 'time'],
  ...['hget', 'hmget', 'hgetall', 'hkeys', 'hvals', 'hlen', 'hexists', 'xrange', 'xrevrange', 'xlen'],
  ...['info', 'ping', 'hello', 'command', 'slowlog|get', 'slowlog|len'],
];

/**
 * The users of our Redis, in the form of its ACL file: `booking` may do what it does, with its own keys; `viewer`, who
 * needs no password, may look.
 *
 * `default` keeps every right, behind a password: Redis 7.0 reads its append-only file as that user, and drops each
 * transaction in it that this user may not make.
 */
export function redisUsers({ keyPrefix, adminPassword, bookingPassword }: RedisUsersOptions): string {
  const keys = (pattern: string) => ['venue', 'seat'].map((kind) => `${pattern}${keyPrefix}${kind}:*`).join(' ');
  const only = (commands: string[]) => `-@all ${commands.map((name) => `+${name}`).join(' ')}`;
  return [
    `user default on ${hashed(adminPassword)} ~* &* +@all`,
    `user booking on ${hashed(bookingPassword)} resetchannels ${keys('~')} ${only(bookingCommands)}`,
    `user viewer on nopass resetchannels ${keys('%R~')} ${only(viewerCommands)}`,
    '',
  ].join('\n');
}

const hashed = (password: string) => `#${createHash('sha256').update(password).digest('hex')}`;
