import type { SpanContext } from '@opentelemetry/api';
import type { SeatEvent } from '../protocol/events.ts';
import { isSampled } from './tracing.ts';

/** Beside the events, not in them: no message changes. */
const traces = new WeakMap<SeatEvent, SpanContext>();

/** The span that an event comes from; undefined if its trace is not sampled. */
export const traceOf = (event: SeatEvent): SpanContext | undefined => traces.get(event);

/** Returns the event. */
export function withTrace(event: SeatEvent, context: SpanContext | undefined): SeatEvent {
  if (isSampled(context)) traces.set(event, context);
  return event;
}
