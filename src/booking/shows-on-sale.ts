import { RefusedError } from '../http/refused-error.ts';
import type { Show } from '../shows/show.ts';
import type { HoldRules } from '../store/seat-rules.ts';
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
  /** Of the shows that have none of their own. */
  rules: HoldRules;
  serviceOf: (show: Show, rules: HoldRules) => BookingService;
}

/** The shows of a booking process. A show other than the default one is opened when somebody asks for it, and stays open. */
export class ShowsOnSale {
  /** The default show first, then in the order of their ids. */
  readonly list: readonly Show[];
  readonly #options: ShowsOnSaleOptions;
  readonly #shows: ReadonlyMap<string, Show>;
  readonly #opened = new Map<string, ShowOnSale>();
  readonly #default: ShowOnSale;
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
  }

  get default(): ShowOnSale {
    return this.#default;
  }

  /** The shows that have been asked for. */
  get opened(): Iterable<ShowOnSale> {
    return this.#opened.values();
  }

  /** Without an id: the default show. Throws a `RefusedError` UNKNOWN_SHOW. */
  get(id: string | undefined): ShowOnSale {
    if (id === undefined) return this.#default;
    const opened = this.#opened.get(id);
    if (opened) return opened;
    const show = this.#shows.get(id);
    if (!show) throw new RefusedError('UNKNOWN_SHOW', `There is no show ${id}`);
    const created = this.#create(show);
    if (this.#isStarted) created.service.start();
    return created;
  }

  /** Number of seats, without opening the show; 0 if there is no such show. */
  sizeOf(id: string | undefined): number {
    const show = id === undefined ? this.#default.show : this.#shows.get(id);
    return show?.plan.size ?? 0;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#opened.values()].map(({ service }) => service.close()));
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
