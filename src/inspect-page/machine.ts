import type { FeedMessage } from '../inspect/feed.ts';
import type { Seat } from '../protocol/seat.ts';

const keptEvents = 200;

export interface LoggedEvent {
  /** Unix milliseconds. */
  atMs: number;
  event: { type: string; [field: string]: unknown };
}

/** A machine on the page: live, or at a moment of the replay. */
export interface ShownMachine {
  id: string;
  value: unknown;
  context: Record<string, unknown>;
  /** True while the store decides about it. */
  isRequesting: boolean;
  /** Oldest first. */
  events: readonly LoggedEvent[];
}

/** The current state of all machines in a feed. */
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

  take(message: FeedMessage): void {
    if (message.type === '@xstate.actor') {
      this.#machines.set(message.sessionId, {
        ...{ id: message.sessionId, events: [], isRequesting: false },
        ...shown(message.snapshot),
      });
    } else if (message.type === '@xstate.snapshot') {
      const machine = this.#machines.get(message.sessionId);
      if (machine) Object.assign(machine, shown(message.snapshot));
    } else if (message.type === '@xstate.event') {
      const machine = this.#machines.get(message.sessionId);
      if (!machine) return;
      const { type } = message.event;
      if (type === 'REQUEST') machine.isRequesting = true;
      if (type === 'REPLY' || type === 'NO_REPLY') machine.isRequesting = false;
      machine.events.push({ atMs: Number(message.createdAt), event: message.event });
      if (machine.events.length > keptEvents) machine.events.shift();
    }
  }
}

function shown(snapshot: unknown) {
  const { value, context = {} } = snapshot as { value: unknown; context?: Record<string, unknown> };
  return { value, context };
}

export const seatOf = (machine: ShownMachine | undefined): Seat | undefined =>
  machine?.context.seat as Seat | undefined;
