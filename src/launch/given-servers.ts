import { natsUrl } from '../events/nats-address.ts';
import { loopback } from './ports.ts';
import { type Endpoint, natsAnswers, redisAnswers } from './probes.ts';

class GivenServerError extends Error {
  override name = 'GivenServerError';
}

export const requireGivenRedis = (url: string) => requireAnswer('REDIS_URL', url, 6379, redisAnswers);

/** Of a cluster's list, the first. */
export const requireGivenNats = (urls: string) =>
  requireAnswer('NATS_URL', urls.split(',')[0] ?? '', 4222, natsAnswers);

/** Asked before anything is started: a wrong address is told at once, and not after a long wait by whoever uses it. */
async function requireAnswer(
  setting: string,
  address: string,
  defaultPort: number,
  answers: (endpoint: Endpoint) => Promise<void>,
): Promise<void> {
  const url = parse(setting, address);
  // Who encrypts is asked by those who have the certificates.
  if (url.protocol === 'rediss:' || url.protocol === 'tls:') return;
  const host = url.hostname.replace(/^\[|\]$/g, '') || loopback;
  try {
    await answers({ host, port: Number(url.port) || defaultPort });
  } catch (cause) {
    const { message } = cause as Error;
    throw new GivenServerError(
      `${setting}=${redacted(address)} does not answer (${message}). Start it, correct the address, or unset ${setting} to have one started.`,
      { cause },
    );
  }
}

function parse(setting: string, address: string): URL {
  try {
    return natsUrl(address);
  } catch (cause) {
    throw new GivenServerError(`${setting}: "${address}" is not an address.`, { cause });
  }
}

/** An address of Redis or NATS as it may be shown. */
export function redacted(address: string): string {
  const url = natsUrl(address);
  if (url.password) url.password = '***';
  else if (url.username) url.username = '***'; // a token
  return String(url);
}
