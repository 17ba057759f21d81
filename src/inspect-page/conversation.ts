import { isOrder, seatIdOf } from './address.ts';
import type { LoggedEvent } from './machine.ts';

/** One arrow of the sequence diagram. `from` and `to` are indexes of `lanes`. */
export interface Line {
  from: number;
  to: number;
  text: string;
  atMs: number;
  tone?: 'change' | 'fault' | 'time';
}

const shownCommands = 4;

export function lanesOf(machineId: string): string[] {
  if (isOrder(machineId)) return [machineId, 'ledger'];
  return seatIdOf(machineId) ? ['users', machineId, 'Redis', 'NATS'] : ['user', machineId, 'edge', 'network'];
}

/** The messages between the lanes, oldest first. `show`: undefined for the default show, whose subjects name no show. */
export const conversation = (machineId: string, events: readonly LoggedEvent[], show: string | undefined): Line[] =>
  events.flatMap((logged) => {
    if (isOrder(machineId)) return orderLines(logged);
    return seatIdOf(machineId) ? seatLines(logged, show) : connectionLines(logged);
  });

/** An order has only the changes that the ledger has committed, and its own timers. */
function orderLines({ atMs, event }: LoggedEvent): Line[] {
  const [order, ledger] = [0, 1] as const;
  if (!('order' in event)) return [{ from: order, to: order, text: readable(event.type), atMs, tone: 'time' }];
  return [
    { from: ledger, to: order, text: event.type, atMs, tone: event.type === 'NEEDS_PERSON' ? 'fault' : 'change' },
  ];
}

function seatLines({ atMs, event }: LoggedEvent, show: string | undefined): Line[] {
  const [users, seat, redis, nats] = [0, 1, 2, 3] as const;
  switch (event.type) {
    case 'REQUEST': {
      const commands = event.commands as { action: string; userId?: string }[];
      const byUsers = commands.filter(({ userId }) => userId !== undefined);
      const shown = byUsers.slice(0, shownCommands);
      const more = byUsers.length - shown.length;
      return [
        ...shown.map(({ action, userId }) => ({ from: users, to: seat, text: `${action} · ${userId}`, atMs })),
        ...(more > 0 ? [{ from: users, to: seat, text: `and ${more} more`, atMs }] : []),
        {
          from: seat,
          to: redis,
          text: commands.length === 1 ? `${commands[0]?.action}?` : `${commands.length}?`,
          atMs,
        },
      ];
    }
    case 'HELD':
    case 'RELEASED':
    case 'BOOKED': {
      const fact = event.fact as { seq: number; reason?: string };
      const text = `${event.type}${fact.reason ? ` (${fact.reason})` : ''} · ${fact.seq}`;
      if (event.committedHere === false) return [{ from: nats, to: seat, text, atMs, tone: 'change' }];
      const decision: Line = { from: redis, to: seat, text, atMs, tone: 'change' };
      return [
        decision,
        {
          from: seat,
          to: nats,
          text: `seats.${show === undefined ? '' : `${show}.`}${event.type.toLowerCase()}`,
          atMs,
        },
      ];
    }
    case 'STILL_HELD':
      return [{ from: redis, to: seat, text: 'still held', atMs }];
    case 'REPLY':
      return [{ from: seat, to: users, text: 'reply', atMs }];
    case 'NO_REPLY':
      return [
        { from: redis, to: seat, text: 'no reply', atMs, tone: 'fault' },
        { from: seat, to: users, text: 'try again', atMs, tone: 'fault' },
      ];
  }
  return [{ from: seat, to: seat, text: readable(event.type), atMs, tone: 'time' }];
}

function connectionLines({ atMs, event }: LoggedEvent): Line[] {
  const [user, connection, edge, network] = [0, 1, 2, 3] as const;
  switch (event.type) {
    case 'RETRY':
      return [{ from: user, to: connection, text: 'RETRY', atMs }];
    case 'ONLINE':
    case 'OFFLINE':
      return [
        { from: network, to: connection, text: event.type, atMs, tone: event.type === 'OFFLINE' ? 'fault' : 'change' },
      ];
    case 'OPENED':
      return [
        { from: edge, to: connection, text: 'OPENED', atMs, tone: 'change' },
        { from: connection, to: edge, text: 'CONNECT', atMs },
      ];
    case 'SYNCHRONISED':
    case 'ANSWERED':
      return [{ from: edge, to: connection, text: event.type, atMs, tone: 'change' }];
    case 'CLOSED':
    case 'REFUSED':
      return [{ from: edge, to: connection, text: `${event.type} ${event.code ?? ''}`.trim(), atMs, tone: 'fault' }];
  }
  return [{ from: connection, to: connection, text: readable(event.type), atMs, tone: 'time' }];
}

/** `xstate.after.retryDelay.connection.waiting` → `after retryDelay`. */
export function readable(type: string): string {
  const [xstate, kind, name] = type.split('.');
  return xstate === 'xstate' && kind ? `${kind} ${name ?? ''}`.trim() : type;
}
