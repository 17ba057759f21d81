import type { Logger } from 'pino';
import type { AnyEventObject } from 'xstate';
import type { seatMachine } from '../../machines/seat.ts';
import { chartDefinition } from '../charts/chart-definition.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { SeatCommand } from '../store/seat-store.ts';
import { ActorWatch } from './actor-watch.ts';
import type { FeedMessage } from './feed.ts';
import type { DecisionWatcher, InspectedService } from './inspected-service.ts';
import { seatProjection } from './projection.ts';

/** Receives the messages of seats. Must not throw. */
export interface Watcher {
  send(text: string): void;
}

interface WatchedSeat {
  watch: ActorWatch | undefined;
  /** The seq of the actor when its watch started: the log provides only transitions up to this. */
  sinceSeq: number;
  readonly watchers: Set<Watcher>;
  /** Watchers that wait for the past events, and must not get live events before them. */
  readonly joining: Set<Watcher>;
}

/** A message of a feed in the server-sent events format. */
export const serverSentEvent = (message: FeedMessage): string => `data: ${JSON.stringify(message)}\n\n`;

/** The watched seats. An actor is observed from its first watcher until its last one leaves. */
export class SeatWatches implements DecisionWatcher {
  readonly #service: InspectedService;
  readonly #logger: Logger;
  readonly #seats = new Map<string, WatchedSeat>();
  /** By machine, which all seats share. */
  readonly #definitions = new WeakMap<object, string>();

  constructor({ service, logger }: { service: InspectedService; logger: Logger }) {
    this.#service = service;
    this.#logger = logger;
    service.seatActors.onHydrated = () => this.#watchAnew();
  }

  /** Shows a request to the store about a seat. It is not an event of the chart. */
  requested(commands: readonly SeatCommand[]): void {
    for (const [id, { watch }] of this.#seats) {
      const ofSeat = commands.filter(({ seatIds }) => seatIds.includes(id));
      if (ofSeat.length > 0) watch?.receive({ type: 'REQUEST', commands: ofSeat });
    }
  }

  replied(commands: readonly SeatCommand[], hasDecided: boolean): void {
    const type = hasDecided ? 'REPLY' : 'NO_REPLY';
    for (const [id, { watch }] of this.#seats) {
      if (commands.some(({ seatIds }) => seatIds.includes(id))) watch?.receive({ type });
    }
  }

  /** Returns the seats that had no watcher until now: their past events are unknown. */
  begin(seatIds: readonly string[], watcher: Watcher): string[] {
    const begun: string[] = [];
    for (const id of seatIds) {
      let seat = this.#seats.get(id);
      if (!seat) {
        seat = { watch: undefined, sinceSeq: 0, watchers: new Set(), joining: new Set() };
        this.#seats.set(id, seat);
        this.#watch(id, seat);
        begun.push(id);
      }
      seat.joining.add(watcher);
    }
    return begun;
  }

  /** Adds the events of a seat from before it was watched, oldest first. */
  remember(seatId: string, facts: readonly SeatEvent[]): void {
    const seat = this.#seats.get(seatId);
    seat?.watch?.remember(facts.filter(({ seq }) => seq <= seat.sinceSeq).map(asActorEvent));
  }

  /** Sends the current state of the seat, then its live events. */
  join(seatId: string, watcher: Watcher): void {
    const seat = this.#seats.get(seatId);
    if (!seat?.joining.delete(watcher)) return;
    seat.watchers.add(watcher);
    watcher.send(seat.watch?.soFar.map(serverSentEvent).join('') ?? '');
  }

  leave(watcher: Watcher): void {
    for (const [id, seat] of this.#seats) {
      seat.watchers.delete(watcher);
      seat.joining.delete(watcher);
      if (seat.watchers.size + seat.joining.size > 0) continue;
      seat.watch?.stop();
      this.#seats.delete(id);
    }
    if (this.#seats.size === 0) this.#service.watcher = undefined;
  }

  /** The venue was opened again: new actors show the seats. */
  #watchAnew(): void {
    for (const [id, seat] of this.#seats) {
      seat.watch?.stop();
      this.#watch(id, seat);
      const text = seat.watch?.soFar.map(serverSentEvent).join('') ?? '';
      for (const watcher of seat.watchers) watcher.send(text);
    }
  }

  #watch(id: string, seat: WatchedSeat): void {
    const actor = this.#service.seatActors.actor(id);
    seat.sinceSeq = actor?.getSnapshot().context.seat.seq ?? 0;
    seat.watch =
      actor &&
      new ActorWatch({
        actor,
        id: actor.id,
        definition: this.#definitionOf(actor.logic),
        projection: seatProjection,
        send: (message) => {
          const text = serverSentEvent(message); // serialised once for all watchers
          for (const watcher of seat.watchers) watcher.send(text);
        },
        onError: (error) =>
          this.#logger.error({ err: error, seat: id }, 'The inspector failed; the seat is not affected'),
      });
    seat.watch?.start();
    this.#service.watcher = this;
    const commands = this.#service.commandsUnderWay(id);
    if (commands) seat.watch?.receive({ type: 'REQUEST', commands });
  }

  #definitionOf(logic: typeof seatMachine): string {
    const definition = this.#definitions.get(logic) ?? chartDefinition(logic);
    this.#definitions.set(logic, definition);
    return definition;
  }
}

/** The event with which an actor receives a committed transition. */
function asActorEvent(fact: SeatEvent): { event: AnyEventObject; atMs: number } {
  return { event: { type: fact.type.toUpperCase(), fact }, atMs: Date.parse(fact.timestamp) };
}
