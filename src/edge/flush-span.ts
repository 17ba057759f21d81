import { type SpanContext, SpanKind } from '@opentelemetry/api';
import type { SeatEvent } from '../protocol/events.ts';
import { traceOf } from '../tracing/event-trace.ts';
import { maxLinks, tracing } from '../tracing/tracing.ts';

/** Traces the way of updates from their receipt to the sockets: one span per flush, with links to their publications. */
export class FlushSpan {
  readonly #subprotocol: string;
  #members: SpanContext[] = [];
  #updates = 0;
  #startTimeMs = 0;

  constructor(subprotocol: string) {
    this.#subprotocol = subprotocol;
  }

  /** An update that the next flush sends. */
  add(event: SeatEvent): void {
    if (!tracing) return;
    if (this.#updates++ === 0) this.#startTimeMs = Date.now();
    const publication = traceOf(event);
    if (publication && this.#members.length < maxLinks) this.#members.push(publication);
  }

  /** The updates have been written to this number of sockets; 0: nobody needed them. */
  end(sockets: number): void {
    if (this.#updates === 0) return;
    const [members, updates] = [this.#members, this.#updates];
    this.#members = [];
    this.#updates = 0;
    if (sockets === 0) return;
    tracing
      ?.sharedSpan('send updates', members, {
        kind: SpanKind.CONSUMER,
        startTime: this.#startTimeMs,
        attributes: {
          'messaging.system': 'nats',
          'messaging.operation.name': 'send updates',
          'messaging.operation.type': 'process',
          'messaging.batch.message_count': updates,
          'booking.subprotocol': this.#subprotocol,
          'booking.sockets': sockets,
        },
      })
      ?.end();
  }
}
