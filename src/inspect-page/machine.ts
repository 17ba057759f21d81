import type { FeedMessage } from '../inspect/feed.ts';
import type { Seat } from '../protocol/seat.ts';

const keptEvents = 200;

export interface LoggedEvent {
  /** Unix milliseconds. */
  atMs: number;
  event: { type: string; [field: string]: unknown };
}

/** A machine as it is shown: live, or at a moment of the past. */
export interface ShownMachine {
  id: string;
  value: unknown;
  context: Record<string, unknown>;
  /** The store is being asked about it. */
  isAsking: boolean;
  /** Oldest first. */
  events: readonly LoggedEvent[];
}

/** The machines that a feed tells of, as they are. */
export class Machines {
  readonly #machines = new Map<string, ShownMachine & { events: LoggedEvent[] }>();

  get(id: string): ShownMachine | undefined {
    return this.#machines.get(id);
  }

  get ids(): string[] {
    return [...this.#machines.keys()];
  }

  forget(id: string): void {
    this.#machines.delete(id);
  }

  clear(): void {
    this.#machines.clear();
  }

  /** Returns the machine that the message is about. */
  take(message: FeedMessage): string | undefined {
    switch (message.type) {
      case '@xstate.actor':
        this.#machines.set(message.sessionId, {
          ...{ id: message.sessionId, events: [], isAsking: false },
          ...shown(message.snapshot),
        });
        return message.sessionId;
      case '@xstate.snapshot': {
        const machine = this.#machines.get(message.sessionId);
        if (machine) Object.assign(machine, shown(message.snapshot));
        return message.sessionId;
      }
      case '@xstate.event': {
        const machine = this.#machines.get(message.sessionId);
        if (!machine) return message.sessionId;
        const { type } = message.event;
        if (type === 'ASK') machine.isAsking = true;
        if (type === 'ANSWERED' || type === 'UNANSWERED') machine.isAsking = false;
        machine.events.push({ atMs: Number(message.createdAt), event: message.event });
        if (machine.events.length > keptEvents) machine.events.shift();
        return message.sessionId;
      }
      case 'transition':
        return message.sessionId;
    }
    return undefined;
  }
}

function shown(snapshot: unknown) {
  const { value, context = {} } = snapshot as { value: unknown; context?: Record<string, unknown> };
  return { value, context };
}

export const seatOf = (machine: ShownMachine | undefined): Seat | undefined =>
  machine?.context.seat as Seat | undefined;
