import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import { commaList, type SocketsConfig } from '../config.ts';
import { isAllowedOrigin } from '../http/origin.ts';
import { requestIdOf } from '../http/request-id.ts';
import { requestToken } from '../identity/request-token.ts';
import type { Caller } from './booking-client.ts';
import type { EdgeLimits } from './limits.ts';

export interface DoorOptions {
  /** Origins beside our own whose pages may open a WebSocket. */
  allowedOrigins?: readonly string[];
  /** Addresses whose X-Forwarded-For is believed. */
  trustedProxies?: string[];
}

export function doorOf({ ALLOWED_ORIGINS, TRUSTED_PROXIES }: SocketsConfig): DoorOptions {
  return { allowedOrigins: commaList(ALLOWED_ORIGINS), trustedProxies: commaList(TRUSTED_PROXIES) };
}

/** Who comes in, from where, and how many from there. */
export class Door {
  readonly #allowedOrigins: readonly string[];
  readonly #isTrusted: (address: string, hops: number) => boolean;
  readonly #limits: Pick<EdgeLimits, 'connections' | 'connectionsPerAddress'>;
  readonly #inside = new Map<string, number>();
  #count = 0;

  constructor(
    { allowedOrigins = [], trustedProxies = [] }: DoorOptions,
    limits: Pick<EdgeLimits, 'connections' | 'connectionsPerAddress'>,
  ) {
    this.#allowedOrigins = allowedOrigins;
    this.#isTrusted = proxyAddr.compile(trustedProxies);
    this.#limits = limits;
  }

  /** The caller, or the HTTP status with which it is turned away. */
  callerOf(request: IncomingMessage): Caller | '403 Forbidden' | '429 Too Many Requests' | '503 Service Unavailable' {
    if (!isAllowedOrigin(request.headers, this.#allowedOrigins)) return '403 Forbidden';
    if (this.#count >= this.#limits.connections) return '503 Service Unavailable';
    const address = proxyAddr(request, this.#isTrusted);
    if ((this.#inside.get(address) ?? 0) >= this.#limits.connectionsPerAddress) return '429 Too Many Requests';
    return { token: requestToken(request.headers), address, requestId: requestIdOf(request) };
  }

  entered({ address }: Caller): void {
    this.#count++;
    this.#inside.set(address, (this.#inside.get(address) ?? 0) + 1);
  }

  left({ address }: Caller): void {
    this.#count--;
    const inside = (this.#inside.get(address) ?? 0) - 1;
    if (inside > 0) this.#inside.set(address, inside);
    else this.#inside.delete(address);
  }
}
