import type { Logger } from 'pino';
import type { EdgeMetrics } from './metrics.ts';

const checkIntervalMs = 1_000;

/** Data buffered in memory until one client reads it. */
export interface WaitingBytes {
  /** Total. */
  bytes: number;
  /** The part that was already buffered at the previous check: the client is slow. */
  stalledBytes: number;
  /** The part of `bytes` that belongs to a VENUE_STATE. Clients share its parts. */
  stateBytes: number;
  stateParts: readonly Buffer[];
}

export interface BufferedClient {
  waiting(): WaitingBytes;
  terminate(reason: string): void;
}

interface ClientBuffersOptions {
  budgetBytes: number;
  metrics: EdgeMetrics;
  logger: Logger;
}

/** Bounds the memory buffered for all clients together: beyond the budget the slowest readers are dropped. */
export class ClientBuffers {
  readonly #options: ClientBuffersOptions;
  readonly #clients = new Set<BufferedClient>();
  readonly #timer: NodeJS.Timeout;
  #isExceeded = false;

  constructor(options: ClientBuffersOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.check(), checkIntervalMs).unref();
  }

  add(client: BufferedClient): void {
    this.#clients.add(client);
  }

  remove(client: BufferedClient): void {
    this.#clients.delete(client);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Keeps the fastest clients that fit into the budget. A client that reads is never dropped. */
  check(): void {
    const { budgetBytes, metrics } = this.#options;
    const waiting = [...this.#clients]
      .map((client) => ({ client, ...client.waiting() }))
      .filter(({ bytes }) => bytes > 0);
    waiting.sort((a, b) => a.stalledBytes - b.stalledBytes);
    const counted = new Set<Buffer>();
    let keptBytes = 0;
    let dropped = 0;
    for (const { client, bytes, stalledBytes, stateBytes, stateParts } of waiting) {
      const uncounted = stateParts.filter((part) => !counted.has(part));
      const addedBytes = bytes - stateBytes + uncounted.reduce((sum, { length }) => sum + length, 0);
      if (stalledBytes > 0 && keptBytes + addedBytes > budgetBytes) {
        client.terminate('memory');
        dropped++;
      } else {
        keptBytes += addedBytes;
        for (const part of uncounted) counted.add(part);
      }
    }
    metrics.bufferedBytes.set(keptBytes);
    this.#logChange(dropped);
  }

  #logChange(dropped: number): void {
    const isExceeded = dropped > 0;
    if (isExceeded === this.#isExceeded) return;
    this.#isExceeded = isExceeded;
    const { budgetBytes, logger } = this.#options;
    if (isExceeded)
      logger.warn({ dropped, budgetBytes }, 'Slow clients exceed CLIENT_BUFFERS_MIB: dropping the slowest');
    else logger.info('Slow clients are within CLIENT_BUFFERS_MIB again');
  }
}
