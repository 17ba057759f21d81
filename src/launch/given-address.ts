import { natsUrl } from '../events/nats-address.ts';
import { GivenServerError } from './given-server-error.ts';

const examples = {
  REDIS_URL: 'redis://user:password@host:6379',
  NATS_URL: 'nats://user:password@host:4222',
  DATABASE_URL: 'postgres://user:password@host:5432/database',
  DATABASE_OWNER_URL: 'postgres://owner:password@host:5432/database',
};

/** A setting with one address. */
export type AddressSetting = keyof typeof examples;
export type GivenSetting = AddressSetting | 'REDIS_SENTINELS' | 'REDIS_CLUSTER';

/** Throws a GivenServerError if the address is invalid; the message never contains the password. */
export function parseAddress(setting: AddressSetting, address: string): URL {
  try {
    const url = natsUrl(address);
    for (const part of [url.username, url.password]) decodeURIComponent(part);
    return url;
  } catch (cause) {
    const shown = address.replace(/^([\w+.-]*:\/\/)?.*@/s, '$1***@');
    throw new GivenServerError(
      `${setting}=${shown} is not an address. It takes the form ${examples[setting]}; encode special characters of a password as in a URL.`,
      { cause },
    );
  }
}

/** Hides the passwords in a comma list of addresses. */
export const redacted = (addresses: string): string => addresses.split(',').map(redactedOne).join(',');

function redactedOne(address: string): string {
  const url = natsUrl(address);
  if (url.password) url.password = '***';
  else if (url.username) url.username = '***'; // a token
  if (url.search) url.search = '***'; // ioredis accepts options there, including a password
  return address.includes('://') ? String(url) : url.href.slice('nats://'.length);
}

export const noAnswer = (setting: GivenSetting, address: string, reason: string): GivenServerError =>
  new GivenServerError(
    `${setting}=${redacted(address)} does not answer (${reason}). Start it, correct the address, or unset ${setting} to have one started.`,
  );

/** Undefined if the error is not about a certificate. */
export const certificateProblem = (
  setting: GivenSetting,
  address: string,
  { code = '', message }: NodeJS.ErrnoException,
): GivenServerError | undefined =>
  /CERT|^UNABLE_TO_|^ERR_TLS_/.test(code)
    ? new GivenServerError(
        `${setting}=${redacted(address)} has a certificate that is not accepted (${message}). For your own certificate authority, set NODE_EXTRA_CA_CERTS to the file of its certificate.`,
      )
    : undefined;
