import { setTimeout as sleep } from 'node:timers/promises';
import { RefusedError } from '../http/refused-error.ts';
import type { Show } from '../shows/show.ts';
import type { HoldRules } from '../store/seat-rules.ts';
import { ShowRefusedError } from '../store/seat-store.ts';
import type { BookingService } from './booking-service.ts';
import { SeatsJson } from './seats-json.ts';

/** A show that this process has opened. */
export interface ShowOnSale {
  readonly show: Show;
  readonly rules: HoldRules;
  readonly service: BookingService;
  readonly seatsJson: SeatsJson;
}

interface ShowsOnSaleOptions {
  /** The first is the default show. */
  shows: readonly Show[];
  /** Apply to shows without rules of their own. */
  rules: HoldRules;
  serviceOf: (show: Show, rules: HoldRules) => BookingService;
  /** Whether the store has another plan of the show. Absent: it has none. */
  hasOtherPlan?: ((show: Show) => Promise<boolean>) | undefined;
}

const retryMs = 500;

/**
 * The shows of a booking process. A show other than the default one is opened at its first request, and stays open. One
 * whose plan has changed is opened at the start: the change takes effect, or is refused and reported, before the first request.
 */
export class ShowsOnSale {
  /** The default show first, then in the order of their ids. */
  readonly list: readonly Show[];
  readonly #options: ShowsOnSaleOptions;
  readonly #shows: ReadonlyMap<string, Show>;
  readonly #opened = new Map<string, ShowOnSale>();
  readonly #default: ShowOnSale;
  readonly #closing = new AbortController();
  #isStarted = false;

  constructor(options: ShowsOnSaleOptions) {
    const [defaultShow] = options.shows;
    if (!defaultShow) throw new RangeError('There must be a default show');
    this.#options = options;
    this.list = options.shows;
    this.#shows = new Map(options.shows.map((show) => [show.id, show]));
    this.#default = this.#create(defaultShow);
  }

  /** Opens the default show; others are opened from now on. */
  start(): void {
    this.#isStarted = true;
    for (const { service } of this.#opened.values()) service.start();
    void this.#openChanged().catch(() => {}); // only closing ends it early
  }

  get default(): ShowOnSale {
    return this.#default;
  }

  /** The shows that have been requested. */
  get opened(): Iterable<ShowOnSale> {
    return this.#opened.values();
  }

  get openedCount(): number {
    return this.#opened.size;
  }

  /** Without an id: the default show. Throws a `RefusedError` UNKNOWN_SHOW. */
  get(id: string | undefined): ShowOnSale {
    const found = id === undefined ? this.#default : this.find(id);
    if (!found) throw new RefusedError('UNKNOWN_SHOW', `There is no show ${id}`);
    return found;
  }

  /** As `get`; undefined: there is no such show. */
  find(id: string): ShowOnSale | undefined {
    const opened = this.#opened.get(id);
    if (opened) return opened;
    const show = this.#shows.get(id);
    if (!show) return undefined;
    const created = this.#create(show);
    if (this.#isStarted) created.service.start();
    return created;
  }

  /** Why this process must not sell the show; undefined if it may, or if the show was never requested. */
  refusalOf(id: string): ShowRefusedError | undefined {
    return this.#opened.get(id)?.service.refusal;
  }

  /** By id of each show that this process must not sell, at all or now: the reason, for operators. */
  get refusals(): Record<string, string> {
    const refused = [...this.#opened].flatMap(([id, { service }]) =>
      service.whyClosed === undefined ? [] : [[id, service.whyClosed]],
    );
    return Object.fromEntries(refused);
  }

  /** Number of seats, without opening the show; 0 if there is no such show. */
  sizeOf(id: string | undefined): number {
    const show = id === undefined ? this.#default.show : this.#shows.get(id);
    return show?.plan.size ?? 0;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#opened.values()].map(({ service }) => service.close()));
  }

  async #openChanged(): Promise<void> {
    for (const { id } of this.list.slice(1).filter((show) => !this.#opened.has(show.id))) {
      if (await this.#hasOtherPlan(id)) this.get(id);
      this.#closing.signal.throwIfAborted();
    }
  }

  /** Retries while the store is unavailable. Data of another kind counts as another plan. */
  async #hasOtherPlan(id: string): Promise<boolean> {
    const show = this.#shows.get(id);
    const { hasOtherPlan } = this.#options;
    if (!show || !hasOtherPlan) return false;
    for (;;) {
      try {
        return await hasOtherPlan(show);
      } catch (error) {
        if (error instanceof ShowRefusedError) return true;
        await sleep(retryMs, undefined, { signal: this.#closing.signal });
      }
    }
  }

  #create(show: Show): ShowOnSale {
    const { rules: common, serviceOf } = this.#options;
    const { maxHolds = common.maxHoldsPerUser, holdTtlMs = common.holdTtlMs } = show;
    const rules = { ...common, maxHoldsPerUser: maxHolds, holdTtlMs };
    const service = serviceOf(show, rules);
    const created = { show, rules, service, seatsJson: new SeatsJson(service.view) };
    this.#opened.set(show.id, created);
    return created;
  }
}
