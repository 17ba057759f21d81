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

/** Whoever is told what a seat does. Must not throw. */
export interface Watcher {
  tell(text: string): void;
}

interface WatchedSeat {
  watch: ActorWatch | undefined;
  /** What the actor showed when its watch began: later transitions are seen, not remembered. */
  sinceSeq: number;
  readonly watchers: Set<Watcher>;
  /** Who waits to be told what was before, and must not hear of what comes after it sooner. */
  readonly joining: Set<Watcher>;
}

/** One message of a feed, as it is written. */
export const frame = (message: FeedMessage): string => `data: ${JSON.stringify(message)}\n\n`;

/** The seats that somebody watches. An actor is watched from when its first watcher comes until its last one leaves. */
export class SeatWatches implements DecisionWatcher {
  readonly #service: InspectedService;
  readonly #logger: Logger;
  readonly #seats = new Map<string, WatchedSeat>();
  /** By chart, which all seats share. */
  readonly #definitions = new WeakMap<object, string>();

  constructor({ service, logger }: { service: InspectedService; logger: Logger }) {
    this.#service = service;
    this.#logger = logger;
    service.seatActors.onHydrated = () => this.#watchAnew();
  }

  /** Shows that the store is asked about a seat. The chart has no part in it. */
  asked(commands: readonly SeatCommand[]): void {
    for (const [id, { watch }] of this.#seats) {
      const ofSeat = commands.filter(({ seatIds }) => seatIds.includes(id));
      if (ofSeat.length > 0) watch?.receive({ type: 'ASK', commands: ofSeat });
    }
  }

  replied(commands: readonly SeatCommand[], hasDecided: boolean): void {
    const type = hasDecided ? 'ANSWERED' : 'UNANSWERED';
    for (const [id, { watch }] of this.#seats) {
      if (commands.some(({ seatIds }) => seatIds.includes(id))) watch?.receive({ type });
    }
  }

  /** Of these, those that nobody has watched so far: what was before is not known of them. */
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

  /** What the log tells of a seat from before it was watched, oldest first. */
  remember(seatId: string, facts: readonly SeatEvent[]): void {
    const seat = this.#seats.get(seatId);
    seat?.watch?.remember(facts.filter(({ seq }) => seq <= seat.sinceSeq).map(asActorEvent));
  }

  /** Tells what the seat is, and from now on what it does. */
  join(seatId: string, watcher: Watcher): void {
    const seat = this.#seats.get(seatId);
    if (!seat?.joining.delete(watcher)) return;
    seat.watchers.add(watcher);
    watcher.tell(seat.watch?.soFar.map(frame).join('') ?? '');
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

  /** The venue was opened anew: other actors show the seats. */
  #watchAnew(): void {
    for (const [id, seat] of this.#seats) {
      seat.watch?.stop();
      this.#watch(id, seat);
      const text = seat.watch?.soFar.map(frame).join('') ?? '';
      for (const watcher of seat.watchers) watcher.tell(text);
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
        tell: (message) => {
          const text = frame(message); // once, however many watch
          for (const watcher of seat.watchers) watcher.tell(text);
        },
        onError: (error) => this.#logger.error({ err: error, seat: id }, 'The inspector failed; the seat goes on'),
      });
    seat.watch?.start();
    this.#service.watcher = this;
    const commands = this.#service.commandsUnderWay(id);
    if (commands) seat.watch?.receive({ type: 'ASK', commands });
  }

  #definitionOf(logic: typeof seatMachine): string {
    const definition = this.#definitions.get(logic) ?? chartDefinition(logic);
    this.#definitions.set(logic, definition);
    return definition;
  }
}

/** A committed transition as the event by which an actor hears of it. */
function asActorEvent(fact: SeatEvent): { event: AnyEventObject; atMs: number } {
  return { event: { type: fact.type.toUpperCase(), fact }, atMs: Date.parse(fact.timestamp) };
}
