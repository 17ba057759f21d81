import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import { logStart } from '../store/log-start.ts';
import type { InspectedService } from './inspected-service.ts';

/** The transitions of the venue as the store's log has them, in pages. Rejects as the store does. */
export class SaleLog {
  readonly #service: Pick<InspectedService, 'eventsAfter'>;

  constructor(service: Pick<InspectedService, 'eventsAfter'>) {
    this.#service = service;
  }

  /** The earliest seq, not below `notBefore`, after which the log tells everything up to `newest`. */
  async beginning(newest: Position, notBefore = 0): Promise<number> {
    if (await this.#reaches(newest.epoch, notBefore)) return notBefore;
    return logStart(notBefore, newest.seq, (seq) => this.#reaches(newest.epoch, seq));
  }

  /** Every transition after one seq, up to and with another, some at a time. Ends early where the epoch does. */
  async *pages(epoch: string, afterSeq: number, lastSeq: number, limit?: number): AsyncGenerator<SeatEvent[]> {
    for (let seq = afterSeq; seq < lastSeq; ) {
      const { events = [] } = await this.#service.eventsAfter({ epoch, seq }, limit);
      const wanted = events.filter((event) => event.epoch === epoch && event.seq <= lastSeq);
      if (wanted.length > 0) yield wanted;
      if (wanted.length < events.length || events.length === 0) return;
      seq = wanted.at(-1)?.seq ?? lastSeq;
    }
  }

  /** Events of an earlier epoch do not count. */
  async #reaches(epoch: string, seq: number): Promise<boolean> {
    const { events } = await this.#service.eventsAfter({ epoch, seq }, 1);
    return events !== undefined && (events[0]?.epoch ?? epoch) === epoch;
  }
}
