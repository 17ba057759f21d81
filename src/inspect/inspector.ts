import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import type { NodeStates } from './feed.ts';
import type { InspectedService } from './inspected-service.ts';
import type { InspectLimits } from './limits.ts';
import { shownSeat } from './projection.ts';
import { SaleLines } from './sale-lines.ts';
import { SaleLog } from './sale-log.ts';
import { SeatWatches, serverSentEvent } from './seat-watches.ts';
import { Viewer } from './viewer.ts';

export interface InspectorOptions {
  service: InspectedService;
  logger: Logger;
  /** Name of this process. */
  node: string;
  limits: InspectLimits;
}

/** Shows the actors of this process to viewers. Without viewers it does nothing. */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #log: SaleLog;
  readonly #lines: SaleLines;
  /** Start of the log at the last read. */
  #logBegins: Position = { epoch: '', seq: 0 };
  #readingRecent: Promise<void> | undefined;
  readonly #watches: SeatWatches;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InspectorOptions) {
    this.#options = options;
    this.#log = new SaleLog(options.service);
    this.#lines = new SaleLines(this.#log);
    this.#watches = new SeatWatches({ service: options.service, logger: options.logger });
  }

  /** `text`: `all`, or a comma list of seats. `unknown`: the listed ids that the venue does not have. */
  seatIds(text: string): { ids: string[]; unknown: string[] } {
    const { service } = this.#options;
    if (text === 'all') return { ids: [...service.view.seats].map(({ id }) => id), unknown: [] };
    const ids = [...new Set(text.split(',').filter((id) => id !== ''))];
    return { ids, unknown: ids.filter((id) => !service.hasSeat(id)) };
  }

  /** Takes over the response and writes to it while it is open. */
  async show(seatIds: readonly string[], response: ServerResponse): Promise<void> {
    const { limits, node, logger } = this.#options;
    const viewer = new Viewer(response, limits.bufferedBytes);
    response.once('close', () => this.#leave(viewer));
    this.#viewers.add(viewer);
    this.#keepTime();
    viewer.send(serverSentEvent({ type: 'hello', node, seats: [...seatIds] }));
    this.#tellTime(viewer);
    const begun = this.#watches.begin(seatIds, viewer);
    await this.#rememberRecent(new Set(begun)).catch((error: Error) =>
      logger.debug({ error: error.message }, 'The log has no earlier events'),
    );
    for (const id of seatIds) {
      if (viewer.isGone) return;
      this.#watches.join(id, viewer);
      await viewer.drained(); // the snapshots of later seats include what happens in the meantime
    }
    viewer.send(serverSentEvent({ type: 'joined' }));
  }

  /** First `{epoch, from, to, seats}` with the seats at `to`, then each transition after `from`. */
  async history(): Promise<Buffer[]> {
    const { service } = this.#options;
    await service.confirm();
    const { epoch, seq } = service.view.position;
    const seats = [...service.view.seats].map(shownSeat);
    const { fromSeq, lines } = await this.#lines.upTo({ epoch, seq });
    return [Buffer.from(`${JSON.stringify({ epoch, from: fromSeq, to: seq, seats })}\n`), ...lines];
  }

  /** States of all actors in this process. */
  states(): NodeStates {
    const seats: NonNullable<NodeStates['seats']> = {};
    for (const { seat, state } of this.#options.service.seatActors.shown()) {
      seats[seat.id] = { state, seq: seat.seq };
    }
    return { node: this.#options.node, seats };
  }

  end(): void {
    for (const viewer of this.#viewers) viewer.end();
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    this.#watches.leave(viewer);
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
    const serverTime = Math.round(this.#options.service.storeClock.nowMs()) / 1000;
    viewer.send(serverSentEvent({ type: 'time', server_time: serverTime, viewers: this.#viewers.size }));
  }
}
