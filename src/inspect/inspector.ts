import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { BookingService } from '../booking/booking-service.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import type { HistoryEvent, NodeStates } from './feed.ts';
import type { InspectLimits } from './limits.ts';
import { shownFact, shownSeat } from './projection.ts';
import { SaleLog } from './sale-log.ts';
import { frame, SeatWatches } from './seat-watches.ts';
import { Viewer } from './viewer.ts';

export interface InspectorOptions {
  service: BookingService;
  logger: Logger;
  /** What this process is called. */
  node: string;
  limits: InspectLimits;
}

/** Shows the actors of this process to whoever watches. While nobody does, it does nothing at all. */
export class Inspector {
  readonly #options: InspectorOptions;
  readonly #log: SaleLog;
  readonly #watches: SeatWatches;
  readonly #viewers = new Set<Viewer>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InspectorOptions) {
    this.#options = options;
    this.#log = new SaleLog(options.service);
    this.#watches = new SeatWatches({ service: options.service, logger: options.logger });
  }

  get isFull(): boolean {
    return this.#viewers.size >= this.#options.limits.viewers;
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
  async *history(): AsyncGenerator<string> {
    const { service } = this.#options;
    await service.confirm();
    const { epoch, seq } = service.view.position;
    const seats: Seat[] = [...service.view.seats].map(shownSeat);
    const from = await this.#log.beginning({ epoch, seq });
    yield `${JSON.stringify({ epoch, from, to: seq, seats })}\n`;
    for await (const event of this.#log.between(epoch, from, seq)) {
      yield `${JSON.stringify(shownFact(event) as unknown as HistoryEvent)}\n`;
    }
  }

  /** What every actor of this process shows. */
  states(): NodeStates {
    const seats: NonNullable<NodeStates['seats']> = {};
    for (const actor of this.#options.service.seatActors.actors) {
      const { value, context } = actor.getSnapshot();
      seats[context.seat.id] = { state: value, seq: context.seat.seq };
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
    const { service, limits } = this.#options;
    const { epoch, seq } = service.view.position;
    const from = await this.#log.beginning({ epoch, seq }, Math.max(0, seq - limits.recentTransitions));
    const facts = new Map<string, SeatEvent[]>();
    for await (const event of this.#log.between(epoch, from, seq)) {
      if (seatIds.has(event.seat_id)) facts.set(event.seat_id, [...(facts.get(event.seat_id) ?? []), event]);
    }
    for (const [id, events] of facts) this.#watches.remember(id, events);
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
