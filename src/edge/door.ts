import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import type { SocketsConfig } from '../config.ts';
import { addressKey } from '../http/address-key.ts';
import { isAllowedOrigin, parseAllowedOrigins } from '../http/origin.ts';
import { requestIdOf } from '../http/request-id.ts';
import { parseTrustedProxies } from '../http/trusted-proxies.ts';
import { requestTokens } from '../identity/request-token.ts';
import type { Caller } from './booking-client.ts';
import type { EdgeLimits } from './limits.ts';

export interface DoorOptions {
  /** Origins beside our own whose pages may open a WebSocket. */
  allowedOrigins?: readonly string[];
  /** Addresses whose X-Forwarded-For is believed. */
  trustedProxies?: string[];
  /** The name of the cookie that carries a session's token. */
  sessionCookie?: string;
}

export function doorOf({ ALLOWED_ORIGINS, TRUSTED_PROXIES, SESSION_COOKIE }: SocketsConfig): DoorOptions {
  return {
    allowedOrigins: parseAllowedOrigins(ALLOWED_ORIGINS),
    trustedProxies: parseTrustedProxies(TRUSTED_PROXIES),
    sessionCookie: SESSION_COOKIE,
  };
}

/** Who comes in, from where, and how many from there. */
export class Door {
  readonly #allowedOrigins: readonly string[];
  readonly #isTrusted: (address: string, hops: number) => boolean;
  readonly #sessionCookie: string;
  readonly #limits: Pick<EdgeLimits, 'connections' | 'connectionsPerAddress'>;
  /** Connections by address key. */
  readonly #inside = new Map<string, number>();
  #count = 0;

  constructor(
    { allowedOrigins = [], trustedProxies = [], sessionCookie = 'session' }: DoorOptions,
    limits: Pick<EdgeLimits, 'connections' | 'connectionsPerAddress'>,
  ) {
    this.#allowedOrigins = allowedOrigins;
    this.#isTrusted = proxyAddr.compile(trustedProxies);
    this.#sessionCookie = sessionCookie;
    this.#limits = limits;
  }

  /** The caller, or the HTTP status with which it is turned away. */
  callerOf(request: IncomingMessage): Caller | '403 Forbidden' | '429 Too Many Requests' | '503 Service Unavailable' {
    const { origin, host, 'sec-fetch-site': fetchSite } = request.headers;
    const scheme = this.#schemeOf(request);
    if (!isAllowedOrigin({ origin, host, fetchSite, scheme }, this.#allowedOrigins)) {
      return '403 Forbidden';
    }
    if (this.#count >= this.#limits.connections) return '503 Service Unavailable';
    const address = proxyAddr(request, this.#isTrusted);
    const inside = this.#inside.get(addressKey(address)) ?? 0;
    if (inside >= this.#limits.connectionsPerAddress) return '429 Too Many Requests';
    const [token] = requestTokens(request.headers, this.#sessionCookie);
    return { token, address, requestId: requestIdOf(request) };
  }

  entered({ address }: Caller): void {
    const key = addressKey(address);
    this.#count++;
    this.#inside.set(key, (this.#inside.get(key) ?? 0) + 1);
  }

  left({ address }: Caller): void {
    const key = addressKey(address);
    this.#count--;
    const inside = (this.#inside.get(key) ?? 0) - 1;
    if (inside > 0) this.#inside.set(key, inside);
    else this.#inside.delete(key);
  }

  /** As a trusted proxy reports it, of its own connection; undefined: not known. */
  #schemeOf({ headers, socket }: IncomingMessage): string | undefined {
    if (!this.#isTrusted(socket.remoteAddress ?? '', 0)) return undefined;
    return String(headers['x-forwarded-proto'] ?? '')
      .split(',')
      .at(-1)
      ?.trim()
      .toLowerCase();
  }
}
