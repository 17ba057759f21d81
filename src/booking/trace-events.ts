import type { SeatEvent } from '../protocol/events.ts';
import type { SeatCommand } from '../store/seat-store.ts';
import { withTrace } from '../tracing/event-trace.ts';
import { isSampled } from '../tracing/tracing.ts';

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
