/** A bound on everything that a client, or many of them, could make grow. */
export const defaultLimits = {
  connections: 20_000,
  messageBytes: 4096,
  messagesPerSecond: 2000,
  commandsInFlightPerClient: 32,
  /** What may wait for a client to read it, besides the newest VENUE_STATE. */
  clientBufferBytes: 256 * 1024,
  behindTimeoutMs: 30_000,
  connectTimeoutMs: 10_000,
  pingIntervalMs: 15_000,
  closeTimeoutMs: 2000,
  resumableUpdates: 1024,
  drainBatchClients: 200,
  drainBatchIntervalMs: 50,
  drainTimeoutMs: 4000,
};

export type EdgeLimits = typeof defaultLimits;
