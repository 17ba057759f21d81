import type { PresenceBus } from '../events/presence-bus.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import { isForeign, type Origin } from '../protocol/origin.ts';

const publishIntervalMs = 1_000;
/** Tolerates two lost messages; after the third the edge counts as gone. */
const expireAfterMs = 3_500;
/** A sender on NATS can invent edge ids without limit: edges beyond this number are not counted. */
const maxOthers = 1_000;

interface AudienceOptions {
  bus: PresenceBus;
  /** Unique id of this edge. */
  edgeId: string;
  /** The installation and the venue of this edge, as far as they are known. */
  origin: () => Origin;
  /** Number of browsers connected to this edge. */
  clientCount: () => number;
  /** Called at most once a second, and only when the number has changed. */
  onChange: (watching: number) => void;
  clock?: Clock;
}

/** Counts the browsers that watch a show, on this edge and on all others. The number is up to 2 s old. */
export class Audience {
  readonly #options: AudienceOptions;
  readonly #clock: Clock;
  readonly #others = new Map<string, { clients: number; origin: Origin; receivedAtMs: number }>();
  #reported = -1;
  #timer: unknown;
  #closed = false;
  #unsubscribe = () => {};

  constructor(options: AudienceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
  }

  start(): void {
    this.#unsubscribe = this.#options.bus.subscribePresence(({ edge, clients, ...origin }) => {
      if (isForeign(origin, this.#options.origin())) return;
      if (this.#others.size >= maxOthers && !this.#others.has(edge)) return;
      this.#others.set(edge, { clients, origin, receivedAtMs: this.#clock.nowMs() });
    });
    this.#reportLater();
  }

  /** Browsers of an edge that died without closing are counted until the edge expires. */
  get watching(): number {
    const nowMs = this.#clock.nowMs();
    const own = this.#options.origin();
    let watching = this.#options.clientCount();
    for (const [edge, { clients, origin, receivedAtMs }] of this.#others) {
      const isExpired = nowMs - receivedAtMs > expireAfterMs;
      if (isExpired || isForeign(origin, own)) this.#others.delete(edge);
      else watching += clients;
    }
    return watching;
  }

  /** Lets other edges drop this one without waiting for the time-out. */
  close(): void {
    this.#closed = true;
    this.#unsubscribe();
    this.#clock.clearTimeout(this.#timer);
    this.#publish(0);
  }

  #reportLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#report();
      if (!this.#closed) this.#reportLater();
    }, publishIntervalMs);
  }

  #report(): void {
    const { clientCount, onChange } = this.#options;
    this.#publish(clientCount());
    const { watching } = this;
    if (watching === this.#reported) return;
    this.#reported = watching;
    onChange(watching);
  }

  #publish(clients: number): void {
    const { bus, edgeId, origin } = this.#options;
    bus.publishPresence({ ...origin(), edge: edgeId, clients });
  }
}
