import type { SpanContext } from '@opentelemetry/api';
import type { SeatEvent } from '../protocol/events.ts';
import type { SeatCommand } from '../store/seat-store.ts';
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

/** Each event continues the trace of the command that it comes from. */
export function traceEvents(events: readonly SeatEvent[], commands: readonly SeatCommand[]): void {
  const sampled = commands.filter((command) => isSampled(command.trace));
  if (sampled.length === 0) return;
  for (const event of events) {
    const cause = sampled.find(
      (command) =>
        command.seatIds.includes(event.seat_id) && (command.action === 'expire' || command.userId === event.user_id),
    );
    withTrace(event, cause?.trace);
  }
}
