import type { WebSocket } from 'ws';
import { type Clock, hostClock } from '../process/clock.ts';
import type { EdgeLimits } from './limits.ts';
import type { TokenBucket } from './token-bucket.ts';

/** Caps MAX_HOLDS_PER_USER, which would otherwise let one client fill the edge. */
const maxSeatsAtOnce = 256;
/** For PING, CONNECT and other actions in a second in which a user holds and books all seats. */
const otherFramesPerSecond = 10;
/** Header of a masked frame (RFC 6455, 5.2). */
const maxFrameHeaderBytes = 14;
/** Reading this many bytes costs about as much as handling a message: they may be many small fragments. */
const bytesPerPoint = 1024;
/** Share of `messagesPerSecond` that a connection keeps while its address exceeds the limit. */
const shareOfConnection = 1 / 10;
/** A client that is paused for longer would count as dead. */
const maxRestMs = 10_000;

type PauseReason = 'behind' | 'share' | 'flood';

/** Not closures in the options: each connection would keep its own. */
export interface IntakeOwner {
  /** Needed only beyond the limit, not for every message. */
  readonly maxHolds: number;
  /** Reading pauses because the address exceeds its limit. */
  rested(): void;
}

/** Shared: each connection would keep an empty one in memory. */
const unpaused: readonly PauseReason[] = [];

interface IntakeOptions {
  ws: Pick<WebSocket, 'pause' | 'resume'>;
  limits: Pick<EdgeLimits, 'messagesPerSecond' | 'messageBytes'>;
  owner: IntakeOwner;
  /** Points that all connections of the address share: one per frame and one per KiB. */
  ofAddress: TokenBucket | undefined;
  clock?: Clock;
}

/**
 * Counts the frames and bytes that one client sends. While its address exceeds the limit, the connection is read only at its
 * share; the other connections of the address keep theirs.
 */
export class Intake {
  readonly #ws: IntakeOptions['ws'];
  readonly #limits: IntakeOptions['limits'];
  readonly #owner: IntakeOwner;
  readonly #ofAddress: TokenBucket | undefined;
  readonly #clock: Clock;
  #pausedFor: readonly PauseReason[] = unpaused;
  #frames = 0;
  #bytes = 0;
  #secondStartMs = Number.NEGATIVE_INFINITY;
  #restUntilMs = 0;
  #restTimer: unknown;

  constructor({ ws, limits, owner, ofAddress, clock = hostClock }: IntakeOptions) {
    this.#ws = ws;
    this.#limits = limits;
    this.#owner = owner;
    this.#ofAddress = ofAddress;
    this.#clock = clock;
  }

  /** Number of commands that "Book all" sends at once. */
  get seatsAtOnce(): number {
    return Math.min(this.#owner.maxHolds, maxSeatsAtOnce);
  }

  get isPaused(): boolean {
    return this.#pausedFor.length > 0;
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

  /** Pauses a paused socket again: `ws` resumes it when the peer closes or breaks the protocol. */
  pause(reason: PauseReason): void {
    if (!this.#pausedFor.includes(reason)) this.#pausedFor = [...this.#pausedFor, reason];
    this.#ws.pause();
  }

  resume(reason: PauseReason): void {
    this.#pausedFor = this.#pausedFor.filter((each) => each !== reason);
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

  /** Pauses reading until the connection's share covers what it sent in this second. */
  #rest(): void {
    const points = this.#frames + this.#bytes / bytesPerPoint;
    const restMs = (points / (this.#limits.messagesPerSecond * shareOfConnection)) * 1000;
    this.#restUntilMs = this.#secondStartMs + Math.min(restMs, maxRestMs);
    if (this.#pausedFor.includes('share')) return;
    this.#owner.rested();
    this.pause('share');
    this.#awaitRest();
  }

  #awaitRest(): void {
    const restMs = this.#restUntilMs - this.#clock.nowMs();
    if (restMs > 0) this.#restTimer = this.#clock.setTimeout(() => this.#awaitRest(), restMs);
    else this.resume('share');
  }
}
