import type { SocketsConfig } from '../process/config.ts';
import type { Rate } from './token-bucket.ts';

/** Bounds everything that clients could make grow. */
export const defaultLimits = {
  connections: 20_000,
  connectionsPerAddress: Number.POSITIVE_INFINITY,
  messageBytes: 4096,
  messagesPerSecond: 2000,
  /** VENUE_STATEs that one client may request. The burst is for its first requests. */
  states: { perSecond: 2, burst: 5 } as Rate,
  commandsInFlightPerClient: 32,
  commandsInFlightPerAddress: Number.POSITIVE_INFINITY,
  /** Buffered for one client, not counting the newest VENUE_STATE. */
  clientBufferBytes: 256 * 1024,
  /** Buffered for all clients together. */
  clientBuffersBytes: 256 * 1024 * 1024,
  behindTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  pingIntervalMs: 15_000,
  closeTimeoutMs: 2000,
  /** Time for the close frame to reach a flooding client, whose socket is no longer read. */
  floodCloseTimeoutMs: 250,
  sessionRetryMs: 10_000,
  /** Minimum time between two checks of one session. */
  sessionCheckMinMs: 5_000,
  resumableUpdates: 1024,
  /** How long a show stays open without clients, so that a page that reloads or reconnects finds it open. */
  showLingerMs: 10_000,
  drainBatchClients: 200,
  drainBatchIntervalMs: 50,
  drainTimeoutMs: 4000,
};

/** Without a rate there is no limit. */
interface AddressRates {
  /** Upgrades, and repeated requests on a connection: CONNECT, VENUE_STATE. */
  arrivalsPerAddress?: Rate;
  /** Messages, and KiB of them, on all connections of an address. */
  messagesPerAddress?: Rate;
}

export type EdgeLimits = typeof defaultLimits & AddressRates;

/** A reload or two must not wait, however few connections an address may have. */
const minArrivalBurst = 20;
/** After an edge restarts, all pages of an address reconnect at once. The burst is available again after this time. */
const arrivalsRefillSeconds = 10;
/** Share of an address's connections that may send at the full rate of one connection at the same time. */
const busyShareOfConnections = 1 / 10;
/** When a sale opens, everyone behind an address holds and books at once. */
const messageBurstSeconds = 4;
/** An eighth of the requests that an edge has in flight: enough for some 10,000 commands a second. */
const commandsInFlightPerAddress = 512;

/** Limits set by configuration. With RATE_LIMIT=off only those that protect the edge itself. */
export function limitsOf(config: SocketsConfig): Partial<EdgeLimits> {
  const ofEdge = { connections: config.MAX_CONNECTIONS, clientBuffersBytes: config.CLIENT_BUFFERS_MIB * 1024 * 1024 };
  if (config.RATE_LIMIT === 'off') return ofEdge;
  const burst = Math.max(config.CONNECTIONS_PER_ADDRESS, minArrivalBurst);
  const messagesOfAddress = burst * busyShareOfConnections * config.MESSAGES_PER_SECOND;
  return {
    ...ofEdge,
    arrivalsPerAddress: { burst, perSecond: burst / arrivalsRefillSeconds },
    commandsInFlightPerAddress,
    connectionsPerAddress: config.CONNECTIONS_PER_ADDRESS,
    messagesPerSecond: config.MESSAGES_PER_SECOND,
    messagesPerAddress: { burst: messageBurstSeconds * messagesOfAddress, perSecond: messagesOfAddress },
  };
}
