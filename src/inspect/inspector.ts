import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import type { Show } from '../shows/show.ts';
import type { NodeStates } from './feed.ts';
import type { InspectedService } from './inspected-service.ts';
import { isUntouched, LatestSeats } from './latest-seats.ts';
import type { InspectLimits } from './limits.ts';
import type { OrderFilter, OrderWatches } from './order-watches.ts';
import { seatProjection, shownSeat } from './projection.ts';
import type { SaleLines } from './sale-lines.ts';
import { SaleLog } from './sale-log.ts';
import { SeatWatches, serverSentEvent } from './seat-watches.ts';
import { Viewer } from './viewer.ts';

interface InspectorOptions {
  show: Show;
  service: InspectedService;
  logger: Logger;
  /** Name of this process. */
  node: string;
  limits: InspectLimits;
  /** Absent: there is no checkout. */
  orders?: OrderWatches | undefined;
  /** Number of viewers of this process, of all its shows. */
  viewersOfProcess: () => number;
}

/** The seats that a viewer requests. */
export interface Selection {
  /** The named seats, or all seats if they are not too many. */
  seats: string[];
  /** Named, but the show does not have them. */
  unknown: string[];
  /** The seats that changed last, too. */
  isLatest: boolean;
}

/** Shows the actors of one show in this process to viewers. Without viewers it does nothing. */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #log: SaleLog;
  /** Start of the log at the last read. */
  #logBegins: Position = { epoch: '', seq: 0 };
  #readingRecent: Promise<void> | undefined;
  readonly #watches: SeatWatches;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InspectorOptions) {
    this.#options = options;
    this.#log = new SaleLog(options.service);
    const { show, service, logger } = options;
    this.#watches = new SeatWatches({ service, logger, projection: seatProjection(show.plan) });
  }

  /** Number of seats of the show. */
  get size(): number {
    return this.#options.show.plan.size;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** `text`: a comma list of seats, as the show has them or in small letters, and `all`. */
  select(text: string): Selection {
    const { show, limits } = this.#options;
    const { plan } = show;
    const asked = text.split(',').filter((id) => id !== '');
    const isAll = asked.includes('all');
    if (isAll && plan.size <= limits.seats) return { seats: [...plan.ids], unknown: [], isLatest: false };
    const seats = new Set<string>();
    const unknown = new Set<string>();
    for (const id of asked) {
      const known = [id, id.toUpperCase()].find((each) => plan.indexOf(each) !== undefined);
      if (known !== undefined) seats.add(known);
      else if (id !== 'all') unknown.add(id);
    }
    return { seats: [...seats], unknown: [...unknown], isLatest: isAll };
  }

  /** Resolves when the show has been read from the store. Rejects if the store fails before that. */
  async opened(): Promise<void> {
    const { service } = this.#options;
    if (service.isOpen) return;
    await service.confirm().catch((error) => {
      if (!service.isOpen) throw error;
    });
  }

  /** Takes over the response and writes to it while it is open. */
  async feed({ seats: named, isLatest }: Selection, response: ServerResponse): Promise<void> {
    const { service, limits, node, logger } = this.#options;
    const viewer = new Viewer(response, limits.bufferedBytes);
    response.once('close', () => this.#leave(viewer));
    this.#viewers.add(viewer);
    this.#keepTime();
    const latest = isLatest ? new LatestSeats(service.view.seats, limits.seats) : undefined;
    if (latest) this.#followLatest(viewer, latest, new Set(named));
    const seats = [...new Set([...named, ...(latest?.ids ?? [])])];
    viewer.send(serverSentEvent({ type: 'hello', node, seats }));
    this.#tellTime(viewer);
    const begun = this.#watches.begin(seats, viewer);
    await this.#rememberRecent(new Set(begun)).catch((error: Error) =>
      logger.debug({ error: error.message }, 'The log has no earlier events'),
    );
    for (const id of seats) {
      if (viewer.isGone) return;
      this.#watches.join(id, viewer);
      await viewer.drained(); // the snapshots of later seats include what happens in the meantime
    }
    await this.#options.orders?.join(viewer, this.#orderFilter(named, latest !== undefined));
    viewer.send(serverSentEvent({ type: 'joined' }));
  }

  /** First `{epoch, from, to, seats}` with the seats at `to`, then each transition after `from`. */
  async history(linesOf: (log: SaleLog) => SaleLines): Promise<Buffer[]> {
    const { service } = this.#options;
    await service.confirm();
    const { epoch, seq } = service.view.position;
    const seats = [...service.view.seats].map(shownSeat);
    const { fromSeq, lines } = await linesOf(this.#log).upTo({ epoch, seq });
    return [Buffer.from(`${JSON.stringify({ epoch, from: fromSeq, to: seq, seats })}\n`), ...lines];
  }

  /** States of the show's actors in this process, without those of seats that never changed: there may be thousands. */
  states(): NodeStates {
    const seats: NonNullable<NodeStates['seats']> = {};
    for (const { seat, state } of this.#options.service.seatActors.shown()) {
      if (!isUntouched(seat)) seats[seat.id] = { state, seq: seat.seq };
    }
    return { node: this.#options.node, seats };
  }

  end(): void {
    for (const viewer of this.#viewers) viewer.end();
  }

  /** The viewer gets each seat that changes, and loses the one that changed longest ago if they are too many. */
  #followLatest(viewer: Viewer, latest: LatestSeats, named: ReadonlySet<string>): void {
    this.#watches.follow(viewer, (id) => {
      const { isNew, dropped } = latest.change(id);
      if (isNew && !named.has(id)) {
        const begun = this.#watches.begin([id], viewer);
        this.#remember(new Set(begun));
        this.#watches.join(id, viewer);
      }
      if (dropped === undefined || named.has(dropped)) return;
      this.#watches.leaveSeat(dropped, viewer);
      viewer.send(serverSentEvent({ type: 'dropped', seat: dropped }));
    });
  }

  /** Orders with one of the seats; of the seats that changed last, all orders of the show. */
  #orderFilter(seatIds: readonly string[], isLatest: boolean): OrderFilter {
    const { id } = this.#options.show;
    const seats = new Set(seatIds);
    return (order) => order.show === id && (isLatest || order.seatIds.some((seatId) => seats.has(seatId)));
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#watches.leave(viewer);
    this.#options.orders?.leave(viewer);
    if (this.#viewers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Reads the last events of seats that had no viewer until now from the log. */
  async #rememberRecent(seatIds: ReadonlySet<string>): Promise<void> {
    if (seatIds.size === 0) return;
    if (!this.#recentEvents()) {
      this.#readingRecent ??= this.#readRecent();
      await this.#readingRecent;
    }
    this.#remember(seatIds);
  }

  /** Adds the last events of these seats, as far as this process knows them. */
  #remember(seatIds: ReadonlySet<string>): void {
    if (seatIds.size === 0) return;
    const facts = new Map<string, SeatEvent[]>();
    for (const { event } of this.#recentEvents() ?? []) {
      if (!seatIds.has(event.seat_id)) continue;
      const known = facts.get(event.seat_id);
      if (known) known.push(event);
      else facts.set(event.seat_id, [event]);
    }
    for (const [id, events] of facts) this.#watches.remember(id, events);
  }

  /** Undefined if the log may have more of them than this process. */
  #recentEvents() {
    const { service, limits } = this.#options;
    const { epoch, seq } = service.view.position;
    const begins = this.#logBegins.epoch === epoch ? this.#logBegins.seq : 0;
    return service.recent.between({ epoch, seq: Math.max(begins, seq - limits.recentTransitions) }, { epoch, seq });
  }

  async #readRecent(): Promise<void> {
    try {
      const { service, limits } = this.#options;
      const newest = service.view.position;
      const seq = await this.#log.beginning(newest, Math.max(0, newest.seq - limits.recentTransitions));
      const events: SeatEvent[] = [];
      for await (const page of this.#log.pages(newest.epoch, seq, newest.seq)) events.push(...page);
      this.#logBegins = { epoch: newest.epoch, seq };
      service.recent.fill(events);
    } finally {
      this.#readingRecent = undefined;
    }
  }

  #keepTime(): void {
    this.#timer ??= setInterval(() => {
      for (const viewer of this.#viewers) this.#tellTime(viewer);
    }, this.#options.limits.timeEveryMs);
  }

  #tellTime(viewer: Viewer): void {
    const serverTime = this.#options.service.storeClock.serverTime();
    viewer.send(serverSentEvent({ type: 'time', server_time: serverTime, viewers: this.#options.viewersOfProcess() }));
  }
}
