import { isIP } from 'node:net';
import type { AccessConfig, AuthMode } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';

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
