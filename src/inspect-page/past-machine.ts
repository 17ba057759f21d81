import { transitionClass } from '../charts/chart-class.ts';
import type { HistoryEvent } from '../inspect/feed.ts';
import type { ShownMachine } from './machine.ts';
import type { SaleHistory } from './sale-history.ts';

const stateOf = ['available', 'held', 'booked'] as const;

/** The machine of a seat at a moment, from the log. The log has no refused commands. */
export function machineAt(history: SaleHistory, moment: number, seatId: string): ShownMachine | undefined {
  const seat = history.seatAt(seatId, moment);
  if (!seat) return undefined;
  const events = history.eventsOf(seatId, moment).map(({ event }) => ({
    atMs: Date.parse(event.timestamp),
    event: { type: event.type.toUpperCase(), fact: event },
  }));
  const last = events.at(-1)?.event.fact;
  return {
    id: `seat-${seatId}`,
    value: stateOf[seat.status],
    isRequesting: false,
    context: { seat, holdRemainingMs: last?.type === 'held' ? holdMs(last) : 0 },
    events,
  };
}

/** The transition that led to a moment, if it is a transition of this seat. */
export function transitionInto(history: SaleHistory, moment: number, seatId: string): string[] | undefined {
  const event = history.events[moment - 1];
  if (!event || event.seat_id !== seatId) return undefined;
  const before = history.seatAt(seatId, moment - 1);
  const source = `seat.${stateOf[before?.status ?? 0]}`;
  return [transitionClass(source, event.type.toUpperCase(), 0)];
}

function holdMs({ expires_at: expiresAt, timestamp }: HistoryEvent): number {
  return expiresAt === undefined ? 0 : Math.round(expiresAt * 1000 - Date.parse(timestamp));
}
