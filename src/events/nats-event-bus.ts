import { SpanKind } from '@opentelemetry/api';
import { Compile } from 'typebox/compile';
import { Heartbeat, SeatEvent, subjectsOf } from '../protocol/events.ts';
import { EdgePresence } from '../protocol/presence.ts';
import { traceOf, withTrace } from '../tracing/event-trace.ts';
import { endWith, spanContextOf, traceparentOf, tracing } from '../tracing/tracing.ts';
import type { BusListener, Delivery, EventBus } from './event-bus.ts';
import { intendedDelivery, type Message } from './jetstream-publisher.ts';
import type { NatsLink } from './nats-link.ts';
import type { PresenceBus } from './presence-bus.ts';

const validators = { event: Compile(SeatEvent), heartbeat: Compile(Heartbeat), presence: Compile(EdgePresence) };

/**
 * The subjects of one show. Plain subscriptions for speed: a subscriber notices missing events by `seq` and reads them
 * from the booking service. If JetStream is available, it stores every event under a message id.
 */
export class NatsEventBus implements EventBus, PresenceBus {
  readonly #link: NatsLink;
  readonly #subjects: ReturnType<typeof subjectsOf>;

  /** Without an id of a show: the default show. */
  constructor(link: NatsLink, show?: string) {
    this.#link = link;
    this.#subjects = subjectsOf(show);
  }

  get connected(): boolean {
    return this.#link.connected;
  }

  get storesEvents(): boolean {
    return this.#link.storesEvents;
  }

  publish(event: SeatEvent): Promise<Delivery> {
    const { epoch, seq } = event;
    const message = { subject: this.#subjects.of(event), body: JSON.stringify(event), id: `${epoch}:${seq}` };
    const trace = tracing && traceOf(event);
    const span = trace && tracing?.span(`publish ${message.subject}`, trace, publicationOf(message));
    if (!span) return this.#link.publish(message);
    return endWith(span, this.#link.publish({ ...message, traceparent: traceparentOf(span.spanContext()) }));
  }

  publishHeartbeat(heartbeat: Heartbeat): void {
    this.#link.send(this.#subjects.heartbeat, JSON.stringify(heartbeat));
  }

  subscribe(listener: BusListener): () => void {
    const { onHeartbeat, onConnected } = listener;
    const ends = [
      this.#link.subscribe(this.#subjects.seats, validators.event, (event, message) => {
        if (tracing) withTrace(event, spanContextOf(message.headers?.get('traceparent')));
        listener.onEvent(event, intendedDelivery(message));
      }),
      onHeartbeat &&
        this.#link.subscribe(this.#subjects.heartbeat, validators.heartbeat, (heartbeat) => onHeartbeat(heartbeat)),
      onConnected && this.#link.watch((connected) => onConnected(connected)),
    ];
    return () => {
      for (const end of ends) end?.();
    };
  }

  publishPresence(presence: EdgePresence): void {
    this.#link.send(this.#subjects.presence, JSON.stringify(presence));
  }

  subscribePresence(listener: (presence: EdgePresence) => void): () => void {
    return this.#link.subscribe(this.#subjects.presence, validators.presence, (presence) => listener(presence));
  }
}

const publicationOf = ({ subject, id }: Message) => ({
  kind: SpanKind.PRODUCER,
  attributes: {
    'messaging.system': 'nats',
    'messaging.operation.name': 'publish',
    'messaging.operation.type': 'send',
    'messaging.destination.name': subject,
    'messaging.message.id': id,
  },
});
