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
import { frame, SeatWatches } from './seat-watches.ts';
import { Viewer } from './viewer.ts';

export interface InspectorOptions {
  service: InspectedService;
  logger: Logger;
  /** What this process is called. */
  node: string;
  limits: InspectLimits;
}

/** Shows the actors of this process to whoever watches. While nobody does, it does nothing at all. */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #log: SaleLog;
  readonly #lines: SaleLines;
  /** Where the log began when it was read last. */
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

  /** `all`, or a comma list of seats. Undefined where the venue has not one of them. */
  seatIds(text: string): string[] | undefined {
    const { service } = this.#options;
    if (text === 'all') return [...service.view.seats].map(({ id }) => id);
    const ids = [...new Set(text.split(',').filter((id) => id !== ''))];
    return ids.length > 0 && ids.every((id) => service.hasSeat(id)) ? ids : undefined;
  }

  /** Takes the response over and writes to it for as long as it stays open. */
  async show(seatIds: readonly string[], response: ServerResponse): Promise<void> {
    const { limits, node, logger } = this.#options;
    const viewer = new Viewer(response, limits.bufferedBytes);
    response.once('close', () => this.#leave(viewer));
    this.#viewers.add(viewer);
    this.#keepTime();
    viewer.tell(frame({ type: 'hello', node, seats: [...seatIds] }));
    this.#tellTime(viewer);
    const begun = this.#watches.begin(seatIds, viewer);
    await this.#rememberRecent(new Set(begun)).catch((error: Error) =>
      logger.debug({ error: error.message }, 'The log does not tell what was before'),
    );
    for (const id of seatIds) {
      if (viewer.isGone) return;
      this.#watches.join(id, viewer);
      await viewer.drained(); // what happens meanwhile to the seats that come later is part of what they then are
    }
    viewer.tell(frame({ type: 'joined' }));
  }

  /** First `{epoch, from, to, seats}`, the seats being as they are at `to`; then each transition from `from` on. */
  async history(): Promise<Buffer[]> {
    const { service } = this.#options;
    await service.confirm();
    const { epoch, seq } = service.view.position;
    const seats = [...service.view.seats].map(shownSeat);
    const { fromSeq, lines } = await this.#lines.upTo({ epoch, seq });
    return [Buffer.from(`${JSON.stringify({ epoch, from: fromSeq, to: seq, seats })}\n`), ...lines];
  }

  /** What every actor of this process shows. */
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

  /** A seat's last events are in the log, where nobody has watched it until now. */
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

  /** Undefined: the log may have more of them than this process. */
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
    viewer.tell(frame({ type: 'time', server_time: serverTime, viewers: this.#viewers.size }));
  }
}
