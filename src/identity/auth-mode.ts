import { isIP } from 'node:net';
import type { AccessConfig, AuthMode } from '../process/config.ts';
import { ConfigError } from '../process/config-error.ts';

/** Guests choose their own user id: the default on loopback only, elsewhere it must be set explicitly. Throws a `ConfigError`. */
export function authModeOf({ AUTH_MODE, HOST }: Pick<AccessConfig, 'AUTH_MODE' | 'HOST'>): AuthMode {
  if (AUTH_MODE || isLoopback(HOST)) return AUTH_MODE ?? 'guest';
  throw new ConfigError(
    `This would listen on ${HOST}, beyond this machine, where anyone could act as any user without a session.\n` +
      'Set AUTH_MODE=required (every command needs a session), or AUTH_MODE=guest if that is what you want.',
  );
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
