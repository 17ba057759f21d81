import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import { addressKey } from '../http/address-key.ts';
import { isOwnHost, ownHostNames } from '../http/host.ts';
import { isAllowedOrigin, parseAllowedOrigins } from '../http/origin.ts';
import { connectionIdOf } from '../http/request-id.ts';
import { parseTrustedProxies } from '../http/trusted-proxies.ts';
import { requestTokens } from '../identity/request-token.ts';
import type { SocketsConfig } from '../process/config.ts';
import { isTokenForm } from '../protocol/session.ts';
import { type Arrival, ArrivalLimits } from './arrival-limits.ts';
import type { Caller } from './booking-client.ts';
import type { EdgeLimits } from './limits.ts';
import type { SessionChecks } from './session-checks.ts';
import { TokenBucket } from './token-bucket.ts';

export interface DoorOptions {
  /** Further origins whose pages may open a WebSocket. */
  allowedOrigins?: readonly string[];
  /** Further names of this server over plain HTTP, besides IP addresses and local names. */
  allowedHosts?: readonly string[];
  /** Addresses whose X-Forwarded-For header is trusted. */
  trustedProxies?: string[];
  /** The name of the cookie that carries a session's token. */
  sessionCookie?: string;
}

export function doorOf({
  ALLOWED_ORIGINS,
  ALLOWED_HOSTS,
  TRUSTED_PROXIES,
  SESSION_COOKIE,
}: SocketsConfig): DoorOptions {
  const allowedOrigins = parseAllowedOrigins(ALLOWED_ORIGINS);
  return {
    allowedOrigins,
    allowedHosts: ownHostNames(ALLOWED_HOSTS, allowedOrigins),
    trustedProxies: parseTrustedProxies(TRUSTED_PROXIES),
    sessionCookie: SESSION_COOKIE,
  };
}

/** Stands for a token that the booking processes would not take in a batch: its connection ends like that of any invalid session. */
const invalidToken = 'invalid';

type Limits = Pick<EdgeLimits, 'connections' | 'connectionsPerAddress' | 'arrivalsPerAddress' | 'messagesPerAddress'>;

/** State that all connections of one address share. */
export interface AddressInside {
  connections: number;
  commandsInFlight: number;
  messages: TokenBucket | undefined;
}

/** Why an upgrade is refused. */
export interface Refusal {
  status: '403 Forbidden' | '404 Not Found' | '429 Too Many Requests' | '503 Service Unavailable';
  reason: 'path' | 'not ready' | 'rate of address' | 'connections of address' | 'connections' | 'host' | 'origin';
  retryAfterMs?: number;
}

/** Admits WebSocket upgrades: checks host, origin and the limits per address. */
export class Door {
  readonly #allowedOrigins: readonly string[];
  readonly #allowedHosts: readonly string[];
  readonly #isTrusted: (address: string, hops: number) => boolean;
  readonly #sessionCookie: string;
  readonly #limits: Limits;
  readonly #arrivals: ArrivalLimits | undefined;
  readonly #sessions: Pick<SessionChecks, 'knownUserOf'>;
  /** By address key. */
  readonly #inside = new Map<string, AddressInside>();
  #count = 0;

  constructor(
    { allowedOrigins = [], allowedHosts = [], trustedProxies = [], sessionCookie = 'session' }: DoorOptions,
    limits: Limits,
    sessions: Pick<SessionChecks, 'knownUserOf'>,
  ) {
    this.#allowedOrigins = allowedOrigins;
    this.#allowedHosts = allowedHosts;
    this.#isTrusted = proxyAddr.compile(trustedProxies);
    this.#sessionCookie = sessionCookie;
    this.#limits = limits;
    this.#arrivals = limits.arrivalsPerAddress && new ArrivalLimits(limits.arrivalsPerAddress);
    this.#sessions = sessions;
  }

  /** The client as the request names it; nothing is verified yet. */
  callerOf(request: IncomingMessage): Caller {
    const [given] = requestTokens(request.headers, this.#sessionCookie);
    const token = given === undefined || isTokenForm(given) ? given : invalidToken;
    return { token, address: proxyAddr(request, this.#isTrusted), requestId: connectionIdOf(request) };
  }

  /** Undefined if the caller is admitted. The limits come first, so that a flood of refused requests is limited too. */
  refusal(request: IncomingMessage, caller: Caller): Refusal | undefined {
    const arrival = this.#arrivalOf(caller);
    if (this.#arrivals?.take(arrival) === false) {
      const retryAfterMs = this.#arrivals.retryAfterMs(arrival.addressKey);
      return { status: '429 Too Many Requests', reason: 'rate of address', retryAfterMs };
    }
    if (request.url?.split('?', 1)[0] !== '/ws') return { status: '404 Not Found', reason: 'path' };
    if (this.#count >= this.#limits.connections) return { status: '503 Service Unavailable', reason: 'connections' };
    if ((this.#inside.get(arrival.addressKey)?.connections ?? 0) >= this.#limits.connectionsPerAddress) {
      return { status: '429 Too Many Requests', reason: 'connections of address' };
    }
    const { origin, host, 'sec-fetch-site': fetchSite } = request.headers;
    const scheme = this.#schemeOf(request);
    if (!isOwnHost({ host, fetchSite, scheme }, this.#allowedHosts)) return { status: '403 Forbidden', reason: 'host' };
    const isAllowed = isAllowedOrigin({ origin, host, fetchSite, scheme }, this.#allowedOrigins);
    return isAllowed ? undefined : { status: '403 Forbidden', reason: 'origin' };
  }

  /** False if the address exceeds its rate: a further VENUE_STATE costs as much as a new connection. */
  mayRequestState({ address }: Caller): boolean {
    return this.#arrivals?.take({ addressKey: addressKey(address) }) ?? true;
  }

  flooded(caller: Caller): void {
    this.#arrivals?.flooded(this.#arrivalOf(caller));
  }

  entered({ address }: Caller): AddressInside {
    const { messagesPerAddress } = this.#limits;
    const key = addressKey(address);
    const inside = this.#inside.get(key) ?? {
      connections: 0,
      commandsInFlight: 0,
      messages: messagesPerAddress && new TokenBucket(messagesPerAddress),
    };
    this.#inside.set(key, inside);
    this.#count++;
    inside.connections++;
    return inside;
  }

  left({ address }: Caller): void {
    const key = addressKey(address);
    const inside = this.#inside.get(key);
    this.#count--;
    if (inside && --inside.connections === 0) this.#inside.delete(key);
  }

  #arrivalOf({ address, token }: Caller): Arrival {
    return { addressKey: addressKey(address), userId: this.#sessions.knownUserOf(token) };
  }

  /** The scheme of the proxy's own connection, if a trusted proxy reports it. */
  #schemeOf({ headers, socket }: IncomingMessage): string | undefined {
    if (!this.#isTrusted(socket.remoteAddress ?? '', 0)) return undefined;
    return String(headers['x-forwarded-proto'] ?? '')
      .split(',')
      .at(-1)
      ?.trim()
      .toLowerCase();
  }
}
