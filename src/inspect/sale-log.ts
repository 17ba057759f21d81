import type { SeatEvent } from '../protocol/events.ts';
import type { Position } from '../protocol/venue.ts';
import { logStart } from '../store/log-start.ts';
import type { InspectedService } from './inspected-service.ts';

/** Reads the transitions of the venue from the store's log, in pages. Rejects if the store fails. */
export class SaleLog {
  readonly #service: Pick<InspectedService, 'eventsAfter'>;

  constructor(service: Pick<InspectedService, 'eventsAfter'>) {
    this.#service = service;
  }

  /** The earliest seq, at least `notBefore`, after which the log is complete up to `newest`. */
  async beginning(newest: Position, notBefore = 0): Promise<number> {
    if (await this.#reaches(newest.epoch, notBefore)) return notBefore;
    return logStart(notBefore, newest.seq, (seq) => this.#reaches(newest.epoch, seq));
  }

  /** All transitions after `afterSeq` up to `lastSeq`, in pages. Ends early at the end of the epoch. */
  async *pages(epoch: string, afterSeq: number, lastSeq: number, limit?: number): AsyncGenerator<SeatEvent[]> {
    for (let seq = afterSeq; seq < lastSeq; ) {
      const { events = [] } = await this.#service.eventsAfter({ epoch, seq }, limit);
      const wanted = events.filter((event) => event.epoch === epoch && event.seq <= lastSeq);
      if (wanted.length > 0) yield wanted;
      if (wanted.length < events.length || events.length === 0) return;
      seq = wanted.at(-1)?.seq ?? lastSeq;
    }
  }

  /** Ignores events of an earlier epoch. */
  async #reaches(epoch: string, seq: number): Promise<boolean> {
    const { events } = await this.#service.eventsAfter({ epoch, seq }, 1);
    return events !== undefined && (events[0]?.epoch ?? epoch) === epoch;
  }
}
