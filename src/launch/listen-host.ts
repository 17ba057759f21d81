import { isIPv6 } from 'node:net';
import { ConfigError } from '../process/config-error.ts';
import { codeOf, messageOf } from '../process/error-facts.ts';
import { portState } from './ports.ts';

/** Normalises `HTTP_HOST`: `[::1]` and `0:0:0:0:0:0:0:1` become `::1`. */
export function listenHost(setting: string): string {
  const host = setting.replace(/^\[(.*)\]$/, '$1');
  if (!isIPv6(host) || host.includes('%')) return host;
  return new URL(`http://[${host}]`).hostname.slice(1, -1);
}

/** Throws a ConfigError if this machine cannot listen on the address on any port. */
export async function requireHttpHost(host: string): Promise<void> {
  try {
    await portState(0, host);
  } catch (cause) {
    const reason = codeOf(cause) === 'EADDRNOTAVAIL' ? 'no network interface has this address' : messageOf(cause);
    throw new ConfigError(
      `HTTP_HOST=${host} is not an address of this machine (${reason}). Set it to one, e.g. 127.0.0.1 (this machine only), 0.0.0.0 or :: (every address).`,
      { cause },
    );
  }
}
