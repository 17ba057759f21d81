import { setTimeout as delay } from 'node:timers/promises';
import { Compile } from 'typebox/compile';
import { ShowId } from '../protocol/show.ts';
import { BookingUnavailableError, UnknownShowError } from './booking-errors.ts';
import { WatchedShow, type WatchedShowOptions } from './watched-show.ts';

const showId = Compile(ShowId);
/** Reading a show that this edge does not watch yet takes one request. */
const openTimeoutMs = 5_000;

interface WatchedShowsOptions extends Omit<WatchedShowOptions, 'id' | 'bus' | 'onEmpty'> {
  /** Id of the default show. */
  defaultShow: string;
  busOf: (show: string) => WatchedShowOptions['bus'];
}

interface Entry {
  show: WatchedShow;
  /** Number of clients that wait for it. */
  arriving: number;
  closing?: NodeJS.Timeout | undefined;
}

/** The shows at this edge: the default show always, any other while somebody watches it. */
export class WatchedShows {
  readonly default: WatchedShow;
  readonly #options: WatchedShowsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: WatchedShowsOptions) {
    this.#options = options;
    this.default = this.#create(options.defaultShow);
  }

  start(): void {
    this.default.start();
  }

  get all(): WatchedShow[] {
    return [this.default, ...[...this.#entries.values()].map(({ show }) => show)];
  }

  /**
   * Calls `enter` with the show as soon as its seats are known. Rejects with an `UnknownShowError`, or with a
   * `BookingUnavailableError` if the seats do not arrive in time.
   */
  async enter(id: string, enter: (show: WatchedShow) => void): Promise<void> {
    if (id === this.default.id) return enter(this.default);
    if (!showId.Check(id)) throw new UnknownShowError(id);
    const entry = this.#entries.get(id) ?? this.#open(id);
    clearTimeout(entry.closing);
    entry.arriving++;
    const timeout = new AbortController();
    try {
      const isLate = delay(openTimeoutMs, true, { signal: timeout.signal });
      if (await Promise.race([entry.show.feed.ready, isLate]))
        throw new BookingUnavailableError(`${id} is not open yet`);
      enter(entry.show);
    } finally {
      timeout.abort();
      entry.arriving--;
      this.#closeLater(entry);
    }
  }

  /** Makes all clients reconnect elsewhere. */
  async drain(): Promise<void> {
    for (const { closing } of this.#entries.values()) clearTimeout(closing);
    await Promise.all(this.all.map((show) => show.drain()));
  }

  #open(id: string): Entry {
    const show = this.#create(id, () => this.#closeLater(entry));
    const entry: Entry = { show, arriving: 0 };
    this.#entries.set(id, entry);
    show.start();
    show.feed.ready.catch(() => this.#close(entry));
    return entry;
  }

  #create(id: string, onEmpty?: () => void): WatchedShow {
    const { busOf, booking, logger, limits, metrics, defaultShow } = this.#options;
    return new WatchedShow({
      id,
      bus: busOf(id),
      booking,
      logger: id === defaultShow ? logger : logger.child({ show: id }),
      limits,
      metrics,
      ...(onEmpty && { onEmpty }),
    });
  }

  #closeLater(entry: Entry): void {
    clearTimeout(entry.closing);
    entry.closing = setTimeout(() => {
      if (entry.arriving === 0 && entry.show.hub.clientCount === 0) this.#close(entry);
    }, this.#options.limits.showLingerMs).unref();
  }

  #close(entry: Entry): void {
    const { show } = entry;
    // It was closed before, and the show may have been opened again.
    if (this.#entries.get(show.id) !== entry) return;
    this.#entries.delete(show.id);
    show.close();
  }
}
