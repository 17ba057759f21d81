import type { EdgeLimits } from './limits.ts';

/** Beyond this, MAX_HOLDS_PER_USER would let one client fill the edge. */
const maxSeatsAtOnce = 256;
/** PING, CONNECT and what a user does beside holding and booking all seats in one second. */
const otherFramesPerSecond = 10;
/** RFC 6455, 5.2: of a masked frame. */
const maxFrameHeaderBytes = 14;

interface InflowOptions {
  limits: Pick<EdgeLimits, 'messagesPerSecond' | 'messageBytes'>;
  /** A setting of the venue: looked up only beyond the limit, not for every message. */
  maxHolds: () => number;
}

/** Counts what one client sends in a second: frames of any type, and bytes, whatever they are part of. */
export class Inflow {
  readonly #limits: InflowOptions['limits'];
  readonly #maxHolds: () => number;
  #frames = 0;
  #bytes = 0;
  #secondStartMs = 0;

  constructor({ limits, maxHolds }: InflowOptions) {
    this.#limits = limits;
    this.#maxHolds = maxHolds;
  }

  /** "Book all" sends this many commands at once. */
  get seatsAtOnce(): number {
    return Math.min(this.#maxHolds(), maxSeatsAtOnce);
  }

  /** True if the client floods. */
  frameFloods(): boolean {
    this.#startSecond();
    return ++this.#frames > this.#limits.messagesPerSecond && this.#frames > this.#maxFramesPerSecond;
  }

  /** True if the client floods. */
  bytesFlood(bytes: number): boolean {
    this.#startSecond();
    this.#bytes += bytes;
    const { messagesPerSecond, messageBytes } = this.#limits;
    const maxFrameBytes = messageBytes + maxFrameHeaderBytes;
    if (this.#bytes <= messagesPerSecond * maxFrameBytes) return false;
    return this.#bytes > this.#maxFramesPerSecond * maxFrameBytes;
  }

  get #maxFramesPerSecond(): number {
    return Math.max(this.#limits.messagesPerSecond, 2 * this.seatsAtOnce + otherFramesPerSecond);
  }

  #startSecond(): void {
    const nowMs = performance.now();
    if (nowMs - this.#secondStartMs < 1000) return;
    this.#secondStartMs = nowMs;
    this.#frames = 0;
    this.#bytes = 0;
  }
}
