import type { SocketsConfig } from '../process/config.ts';
import type { Rate } from './token-bucket.ts';

/** A bound on everything that a client, or many of them, could make grow. */
export const defaultLimits = {
  connections: 20_000,
  connectionsPerAddress: Number.POSITIVE_INFINITY,
  /** Upgrades, and what a connection asks for again: CONNECT, VENUE_STATE. Without a rate they are not limited. */
  arrivalsPerAddress: undefined as Rate | undefined,
  /** Of all connections of an address: messages, and KiB of them. Without a rate they are not limited together. */
  messagesPerAddress: undefined as Rate | undefined,
  messageBytes: 4096,
  messagesPerSecond: 2000,
  /** VENUE_STATEs that one client asks for. The first ones of a connection may come at once. */
  statesPerSecond: 2,
  stateBurst: 5,
  commandsInFlightPerClient: 32,
  commandsInFlightPerAddress: Number.POSITIVE_INFINITY,
  /** What may wait for a client to read it, besides the newest VENUE_STATE. */
  clientBufferBytes: 256 * 1024,
  /** What may wait for all clients together. */
  clientBuffersBytes: 256 * 1024 * 1024,
  behindTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  pingIntervalMs: 15_000,
  closeTimeoutMs: 2000,
  /** For the close frame to reach a client that floods and is not read from any more. */
  floodCloseTimeoutMs: 250,
  sessionRetryMs: 10_000,
  /** Between two checks of one session. */
  sessionCheckMinMs: 5_000,
  resumableUpdates: 1024,
  drainBatchClients: 200,
  drainBatchIntervalMs: 50,
  drainTimeoutMs: 4000,
};

export type EdgeLimits = typeof defaultLimits;

/** However few connections an address may have: a reload or two must not wait. */
const minArrivalBurst = 20;
/** After an edge restarts, every page of an address comes back at once. From then on it takes this long until all may come again. */
const arrivalsRefillSeconds = 10;
/** Connections of an address that may send as much as one may, at the same time. All of them may send a tenth of it. */
const busyShareOfConnections = 1 / 10;
/** When a sale opens, everyone behind an address holds and books at once. */
const messageBurstSeconds = 4;
/** An eighth of what an edge sends to the booking processes at once: some 10,000 commands a second. */
const commandsInFlightPerAddress = 512;

/** What is set from outside; with RATE_LIMIT=off only what protects the edge itself. */
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
