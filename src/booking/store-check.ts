import type { Clock } from '../process/clock.ts';
import { errorOf } from '../process/error-facts.ts';
import type { Position } from '../protocol/venue.ts';
import type { SeatStore } from '../store/seat-store.ts';

/** In beats of the heartbeat. */
const longestReadPeriod = 4;
const refusedPeriod = 10;
/** Margin for holds that end late. */
const idleMarginMs = 5_000;

interface StoreCheckOptions {
  store: SeatStore;
  clock: Clock;
  /** Number of shows that the process has opened. */
  openShows: () => number;
  holdTtlMs: number;
  /** The position of the view; undefined until the show is open. */
  position: () => Position | undefined;
  /** Reads the new events, and compares what belongs to them in the store. */
  catchUp: () => Promise<void>;
}

/**
 * The check of the store that a show makes at each beat. A show in use reads its events each time, an idle one its position,
 * which one call reads for all shows, and its events every 2 s. Audits are costly for Redis: the shows take turns, one at each
 * beat or so.
 */
export class StoreCheck {
  readonly #options: StoreCheckOptions;
  /** Begins anywhere, so that shows take turns. */
  #beats = Math.floor(Math.random() * 1_000);
  /** Time of the last transition. */
  #changedAtMs = 0;
  #unwritable: Error | undefined;

  constructor(options: StoreCheckOptions) {
    this.#options = options;
  }

  /** Why the store takes no writes; undefined while it does. */
  get unwritable(): Error | undefined {
    return this.#unwritable;
  }

  /** Call it after each transition: from then on the show is in use for as long as a hold may last. */
  changed(): void {
    this.#changedAtMs = this.#options.clock.nowMs();
  }

  /** Whether a refused show is opened again at this beat, which may read all of it. */
  nextRefused(): boolean {
    return ++this.#beats % refusedPeriod === 0;
  }

  /** Resolves when the view has all events. Rejects with the errors of the store. */
  async run(): Promise<{ isAuditDue: boolean }> {
    const beat = ++this.#beats;
    const shows = Math.max(1, this.#options.openShows());
    const isFull = !this.#isIdle || beat % Math.min(shows, longestReadPeriod) === 0;
    await Promise.all([this.#checkWritable(), this.#readEvents(isFull)]);
    return { isAuditDue: beat % shows === 0 };
  }

  /** True if no seat is held: every hold begins with a transition, and has ended by now. */
  get #isIdle(): boolean {
    const { clock, holdTtlMs } = this.#options;
    return clock.nowMs() - this.#changedAtMs > holdTtlMs + idleMarginMs;
  }

  async #readEvents(isFull: boolean): Promise<void> {
    const { store, position, catchUp } = this.#options;
    const known = position();
    if (!isFull && known && store.position) {
      const newest = await store.position();
      if (newest?.epoch === known.epoch && newest.seq === known.seq) return;
    }
    await catchUp();
  }

  /** A read-only store is not ready: it sells nothing, and may be a replica whose primary has moved. */
  async #checkWritable(): Promise<void> {
    try {
      await this.#options.store.checkWritable();
      this.#unwritable = undefined;
    } catch (error) {
      // A failure before the opening says nothing about the store as it was opened: there was no connection yet.
      if (this.#options.position()) this.#unwritable = errorOf(error);
      throw error;
    }
  }
}
