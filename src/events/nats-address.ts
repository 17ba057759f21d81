import { ConfigError } from '../process/config-error.ts';
import { present } from '../process/present.ts';
import { serverUrl } from '../process/server-url.ts';
import { withoutCredentials } from '../process/setting-problem.ts';

/** NATS's own tools accept an address without `nats://` too. Throws a TypeError if it is no address. */
export const natsUrl = (address: string): URL => new URL(address.includes('://') ? address : `nats://${address}`);

export interface NatsLogin {
  servers: string[];
  user?: string;
  pass?: string;
  token?: string;
  /** Present: TLS is required. */
  tls?: Record<string, never>;
}

/**
 * Reads the setting NATS_URL: a comma list of addresses. The client takes credentials apart from the addresses: those of the first, for all.
 * `nats://<token>@…` is a token. Throws a ConfigError for a malformed list.
 */
export function natsLogin(setting: string): NatsLogin {
  const urls = setting.split(',').map((address) => usableUrl(address.trim()));
  const servers = urls.map(({ host }) => host);
  const tls = urls.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {};
  const { username, password } = present(urls[0], 'an address');
  if (username === '') return { servers, ...tls };
  if (password === '') return { servers, ...tls, token: decodeURIComponent(username) };
  return { servers, ...tls, user: decodeURIComponent(username), pass: decodeURIComponent(password) };
}

function usableUrl(address: string): URL {
  const url = serverUrl(address, ['nats:', 'tls:']);
  if (url) return url;
  throw new ConfigError(
    `NATS_URL has ${JSON.stringify(withoutCredentials(address))}, which is not the address of a NATS server: it takes nats://[user:password@]host[:port] or tls://…, or a comma list of these.`,
  );
}
