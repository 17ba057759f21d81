import type { PresenceBus } from '../events/presence-bus.ts';
import { type Clock, hostClock } from '../process/clock.ts';
import { isForeign, type Origin } from '../protocol/origin.ts';

const tellIntervalMs = 1_000;
/** Two tellings may be lost on the way; after the third the edge counts as gone. */
const lapseMs = 3_500;
/** Names cost a sender on NATS nothing: more edges than this are not counted. */
const maxOthers = 1_000;

interface AudienceOptions {
  bus: PresenceBus;
  /** Tells this edge from all others. */
  edgeId: string;
  /** The installation and the venue of this edge, as far as they are known now. */
  origin: () => Origin;
  /** How many browsers this edge has now. */
  clientCount: () => number;
  /** At most once a second, and only when the number is another. */
  onChange: (watching: number) => void;
  clock?: Clock;
}

/** How many browsers look at the venue, here and at the other edges. Not exact while they come and go: up to 2 s late. */
export class Audience {
  readonly #options: AudienceOptions;
  readonly #clock: Clock;
  readonly #others = new Map<string, { clients: number; origin: Origin; heardAtMs: number }>();
  #told = -1;
  #timer: unknown;
  #closed = false;

  constructor(options: AudienceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? hostClock;
  }

  start(): void {
    this.#options.bus.subscribePresence(({ edge, clients, ...origin }) => {
      if (isForeign(origin, this.#options.origin())) return;
      if (this.#others.size >= maxOthers && !this.#others.has(edge)) return;
      this.#others.set(edge, { clients, origin, heardAtMs: this.#clock.nowMs() });
    });
    this.#tellLater();
  }

  /** Those of an edge that ended without a word are counted until its time is over. */
  get watching(): number {
    const nowMs = this.#clock.nowMs();
    const own = this.#options.origin();
    let watching = this.#options.clientCount();
    for (const [edge, { clients, origin, heardAtMs }] of this.#others) {
      const isOver = nowMs - heardAtMs > lapseMs;
      if (isOver || isForeign(origin, own)) this.#others.delete(edge);
      else watching += clients;
    }
    return watching;
  }

  /** The others need not wait for this edge's time to be over. */
  close(): void {
    this.#closed = true;
    this.#clock.clearTimeout(this.#timer);
    this.#publish(0);
  }

  #tellLater(): void {
    this.#timer = this.#clock.setTimeout(() => {
      this.#tell();
      if (!this.#closed) this.#tellLater();
    }, tellIntervalMs);
  }

  #tell(): void {
    const { clientCount, onChange } = this.#options;
    this.#publish(clientCount());
    const { watching } = this;
    if (watching === this.#told) return;
    this.#told = watching;
    onChange(watching);
  }

  #publish(clients: number): void {
    const { bus, edgeId, origin } = this.#options;
    bus.publishPresence({ ...origin(), edge: edgeId, clients });
  }
}
