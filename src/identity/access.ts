import { isIP } from 'node:net';
import type { Logger } from 'pino';
import { type AccessConfig, ConfigError, commaList } from '../config.ts';
import type { AuthMode } from './acting-user.ts';
import { newSessionKey, parseSessionKeys, SessionKeysError } from './session-keys.ts';
import { Sessions } from './sessions.ts';

interface RateLimits {
  requestsPerSecondPerAddress: number;
  requestsPerSecondPerUser: number;
  sessionsPerMinutePerAddress: number;
  /** New holds within the time of a hold. */
  holdsPerAddress: number;
}

/** Who may ask for what. */
export interface Access {
  sessions: Sessions;
  authMode: AuthMode;
  /** Beside our own. */
  allowedOrigins: readonly string[];
  /** Addresses whose X-Forwarded-For is believed. */
  trustedProxies: string[];
  rateLimits: RateLimits | undefined;
}

const hourMs = 3_600_000;

/** Throws a `ConfigError`. */
export function accessOf(config: AccessConfig, logger: Logger): Access {
  const { SESSION_KEYS: keys, RATE_LIMIT: rateLimit } = config;
  if (!keys)
    logger.warn('SESSION_KEYS is not set: every session ends with this process, and no other process knows it');
  return {
    sessions: new Sessions({ keys: sessionKeys(keys ?? newSessionKey()), ttlMs: config.SESSION_HOURS * hourMs }),
    authMode: authModeOf(config),
    allowedOrigins: commaList(config.ALLOWED_ORIGINS),
    trustedProxies: commaList(config.TRUSTED_PROXIES),
    rateLimits:
      rateLimit === 'off'
        ? undefined
        : {
            requestsPerSecondPerAddress: config.REQUESTS_PER_SECOND_PER_ADDRESS,
            requestsPerSecondPerUser: config.REQUESTS_PER_SECOND_PER_USER,
            sessionsPerMinutePerAddress: config.SESSIONS_PER_MINUTE_PER_ADDRESS,
            holdsPerAddress: config.HOLDS_PER_ADDRESS,
          },
  };
}

/** Guests name themselves: that is for one's own machine, elsewhere it has to be meant. Throws a `ConfigError`. */
export function authModeOf({ AUTH_MODE, HOST }: Pick<AccessConfig, 'AUTH_MODE' | 'HOST'>): AuthMode {
  if (AUTH_MODE || isLoopback(HOST)) return AUTH_MODE ?? 'guest';
  throw new ConfigError(
    `This would listen on ${HOST}, beyond this machine, where anybody could act as anybody who has no session.\n` +
      'Set AUTH_MODE=required (nobody acts without a session), or AUTH_MODE=guest if that is what you want.',
  );
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function sessionKeys(text: string) {
  try {
    return parseSessionKeys(text);
  } catch (cause) {
    if (cause instanceof SessionKeysError) throw new ConfigError(`SESSION_KEYS: ${cause.message}`, { cause });
    throw cause;
  }
}
