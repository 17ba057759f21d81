import type { Logger } from 'pino';
import { ownHostNames } from '../http/host.ts';
import { parseAllowedOrigins } from '../http/origin.ts';
import { parseTrustedProxies } from '../http/trusted-proxies.ts';
import type { AccessConfig, AuthMode } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';
import { authModeOf } from './auth-mode.ts';
import { newSessionKey, parseSessionKeys, SessionKeysError } from './session-keys.ts';
import { Sessions } from './sessions.ts';

export interface RateLimits {
  requestsPerSecondPerAddress: number;
  requestsPerSecondPerUser: number;
  sessionsPerMinutePerAddress: number;
  /** Seats that all users of an address together may hold. */
  holdsPerAddress: number;
}

/** Authentication, origins and rate limits of the HTTP API. */
export interface Access {
  sessions: Sessions;
  /** The name of the cookie that carries a session's token. */
  sessionCookie: string;
  authMode: AuthMode;
  /** Further names of this server, besides those that no attacker can own. */
  allowedHosts: readonly string[];
  /** Besides our own origin. */
  allowedOrigins: readonly string[];
  /** Addresses whose X-Forwarded-For header is trusted. */
  trustedProxies: string[];
  /** If set, requests of our own edge are recognised by this key instead of by a trusted address. */
  edgeKey?: string;
  rateLimits: RateLimits | undefined;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Throws a `ConfigError`. */
export function accessOf(config: AccessConfig, logger: Logger): Access {
  const { SESSION_KEYS: keys, RATE_LIMIT: rateLimit } = config;
  if (!keys) logger.warn('SESSION_KEYS is not set: sessions end with this process, and no other process accepts them');
  const allowedOrigins = parseAllowedOrigins(config.ALLOWED_ORIGINS);
  return {
    sessions: new Sessions({
      keys: sessionKeys(keys ?? newSessionKey()),
      ttlMs: config.SESSION_HOURS * hourMs,
      maxAgeMs: config.SESSION_MAX_DAYS * dayMs,
    }),
    sessionCookie: config.SESSION_COOKIE,
    authMode: authModeOf(config),
    allowedHosts: ownHostNames(config.ALLOWED_HOSTS, allowedOrigins),
    allowedOrigins,
    trustedProxies: parseTrustedProxies(config.TRUSTED_PROXIES),
    rateLimits:
      rateLimit === 'off'
        ? undefined
        : {
            requestsPerSecondPerAddress: config.REQUESTS_PER_SECOND_PER_ADDRESS,
            // One click may book all seats that a user holds.
            requestsPerSecondPerUser: Math.max(config.REQUESTS_PER_SECOND_PER_USER, config.MAX_HOLDS_PER_USER),
            sessionsPerMinutePerAddress: config.SESSIONS_PER_MINUTE_PER_ADDRESS,
            holdsPerAddress: config.HOLDS_PER_ADDRESS,
          },
  };
}

function sessionKeys(text: string) {
  try {
    return parseSessionKeys(text);
  } catch (cause) {
    if (cause instanceof SessionKeysError) throw new ConfigError(`SESSION_KEYS: ${cause.message}`, { cause });
    throw cause;
  }
}
