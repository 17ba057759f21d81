import type { WebSocket } from 'ws';
import { type Clock, hostClock } from '../process/clock.ts';
import type { EdgeLimits } from './limits.ts';
import type { TokenBucket } from './token-bucket.ts';

/** Beyond this, MAX_HOLDS_PER_USER would let one client fill the edge. */
const maxSeatsAtOnce = 256;
/** PING, CONNECT and what a user does beside holding and booking all seats in one second. */
const otherFramesPerSecond = 10;
/** RFC 6455, 5.2: of a masked frame. */
const maxFrameHeaderBytes = 14;
/** To read these costs about as much as to handle a message, since they may be many small fragments of one. */
const bytesPerPoint = 1024;
/** Of `messagesPerSecond`: what a connection may send while its address sends too much. */
const shareOfConnection = 1 / 10;
/** A client that is paused for longer would be taken for dead. */
const maxRestMs = 10_000;

type PauseReason = 'behind' | 'share' | 'flood';

interface IntakeOptions {
  ws: Pick<WebSocket, 'pause' | 'resume'>;
  limits: Pick<EdgeLimits, 'messagesPerSecond' | 'messageBytes'>;
  /** A setting of the venue: looked up only beyond the limit, not for every message. */
  maxHolds: () => number;
  /** Points that all connections of the client's address share: one for a frame, one for each KiB. */
  ofAddress: TokenBucket | undefined;
  /** The client is not read for a while, since its address sends too much. */
  onRest: () => void;
  clock?: Clock;
}

/**
 * What one client sends: frames of any type, and bytes, whatever they are part of. While the address of the client sends too
 * much, each of its connections is read no faster than its share; the others of the address keep theirs.
 */
export class Intake {
  readonly #ws: IntakeOptions['ws'];
  readonly #limits: IntakeOptions['limits'];
  readonly #maxHolds: () => number;
  readonly #ofAddress: TokenBucket | undefined;
  readonly #onRest: () => void;
  readonly #clock: Clock;
  readonly #pausedFor = new Set<PauseReason>();
  #frames = 0;
  #bytes = 0;
  #secondStartMs = Number.NEGATIVE_INFINITY;
  #restUntilMs = 0;
  #restTimer: unknown;

  constructor({ ws, limits, maxHolds, ofAddress, onRest, clock = hostClock }: IntakeOptions) {
    this.#ws = ws;
    this.#limits = limits;
    this.#maxHolds = maxHolds;
    this.#ofAddress = ofAddress;
    this.#onRest = onRest;
    this.#clock = clock;
  }

  /** "Book all" sends this many commands at once. */
  get seatsAtOnce(): number {
    return Math.min(this.#maxHolds(), maxSeatsAtOnce);
  }

  get isPaused(): boolean {
    return this.#pausedFor.size > 0;
  }

  /** False if the client floods. */
  countFrame(): boolean {
    this.#startSecond();
    this.#frames++;
    this.#charge(1);
    return this.#frames <= this.#limits.messagesPerSecond || this.#frames <= this.#maxFramesPerSecond;
  }

  /** False if the client floods. */
  countBytes(bytes: number): boolean {
    this.#startSecond();
    this.#bytes += bytes;
    this.#charge(bytes / bytesPerPoint);
    const { messagesPerSecond, messageBytes } = this.#limits;
    const maxFrameBytes = messageBytes + maxFrameHeaderBytes;
    return this.#bytes <= messagesPerSecond * maxFrameBytes || this.#bytes <= this.#maxFramesPerSecond * maxFrameBytes;
  }

  /** Again, if need be: `ws` resumes a socket whose peer closes, or breaks the protocol. */
  pause(reason: PauseReason): void {
    this.#pausedFor.add(reason);
    this.#ws.pause();
  }

  resume(reason: PauseReason): void {
    this.#pausedFor.delete(reason);
    if (!this.isPaused) this.#ws.resume();
  }

  close(): void {
    this.#clock.clearTimeout(this.#restTimer);
  }

  get #maxFramesPerSecond(): number {
    return Math.max(this.#limits.messagesPerSecond, 2 * this.seatsAtOnce + otherFramesPerSecond);
  }

  #startSecond(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#secondStartMs < 1000) return;
    this.#secondStartMs = nowMs;
    this.#frames = 0;
    this.#bytes = 0;
  }

  #charge(points: number): void {
    if (!this.#ofAddress) return;
    this.#ofAddress.charge(points);
    if (this.#ofAddress.waitMs > 0) this.#rest();
  }

  /** For as long as its share takes to pay for what the connection has sent in this second. */
  #rest(): void {
    const points = this.#frames + this.#bytes / bytesPerPoint;
    const restMs = (points / (this.#limits.messagesPerSecond * shareOfConnection)) * 1000;
    this.#restUntilMs = this.#secondStartMs + Math.min(restMs, maxRestMs);
    if (this.#pausedFor.has('share')) return;
    this.#onRest();
    this.pause('share');
    this.#awaitRest();
  }

  #awaitRest(): void {
    const restMs = this.#restUntilMs - this.#clock.nowMs();
    if (restMs > 0) this.#restTimer = this.#clock.setTimeout(() => this.#awaitRest(), restMs);
    else this.resume('share');
  }
}
