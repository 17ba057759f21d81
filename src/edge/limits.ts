import type { SocketsConfig } from '../config.ts';

/** A bound on everything that a client, or many of them, could make grow. */
export const defaultLimits = {
  connections: 20_000,
  connectionsPerAddress: Number.POSITIVE_INFINITY,
  messageBytes: 4096,
  messagesPerSecond: 2000,
  /** VENUE_STATEs that one client asks for. The first ones of a connection may come at once. */
  statesPerSecond: 2,
  stateBurst: 5,
  commandsInFlightPerClient: 32,
  /** What may wait for a client to read it, besides the newest VENUE_STATE. */
  clientBufferBytes: 256 * 1024,
  /** What may wait for all clients together. */
  clientBuffersBytes: 256 * 1024 * 1024,
  behindTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  pingIntervalMs: 15_000,
  closeTimeoutMs: 2000,
  sessionRetryMs: 10_000,
  /** Between two checks of one session. */
  sessionCheckMinMs: 5_000,
  resumableUpdates: 1024,
  drainBatchClients: 200,
  drainBatchIntervalMs: 50,
  drainTimeoutMs: 4000,
};

export type EdgeLimits = typeof defaultLimits;

/** What is set from outside; with RATE_LIMIT=off only what protects the edge itself. */
export function limitsOf(config: SocketsConfig): Partial<EdgeLimits> {
  const ofEdge = { connections: config.MAX_CONNECTIONS, clientBuffersBytes: config.CLIENT_BUFFERS_MIB * 1024 * 1024 };
  if (config.RATE_LIMIT === 'off') return ofEdge;
  return {
    ...ofEdge,
    connectionsPerAddress: config.CONNECTIONS_PER_ADDRESS,
    messagesPerSecond: config.MESSAGES_PER_SECOND,
  };
}
