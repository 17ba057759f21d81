import type { Logger } from 'pino';
import type { AnyEventObject } from 'xstate';
import { seatMachine } from '../../machines/seat.ts';
import { chartDefinition } from '../charts/chart-definition.ts';
import { errorOf } from '../process/error-facts.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { SeatCommand } from '../store/seat-store.ts';
import { ActorWatch } from './actor-watch.ts';
import type { FeedMessage } from './feed.ts';
import type { InspectedService, ServiceWatcher } from './inspected-service.ts';
import type { Projection } from './projection.ts';

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

interface SeatWatchesOptions {
  service: InspectedService;
  projection: Projection;
  logger: Logger;
}

/** The same for all seats of all shows. */
const definition = chartDefinition(seatMachine);

/** A message of a feed in the server-sent events format. */
export const serverSentEvent = (message: FeedMessage): string => `data: ${JSON.stringify(message)}\n\n`;

/**
 * The watched seats of a show. An actor is observed from its first watcher until its last one leaves. Watching starts no
 * actor: one that does not run is shown as it will start, and observed from its first transition on.
 */
export class SeatWatches implements ServiceWatcher {
  readonly #options: SeatWatchesOptions;
  readonly #service: InspectedService;
  readonly #seats = new Map<string, WatchedSeat>();
  readonly #followers = new Map<Watcher, (seatId: string) => void>();

  constructor(options: SeatWatchesOptions) {
    this.#options = options;
    this.#service = options.service;
    options.service.seatActors.onHydrated = () => this.#watchAnew();
  }

  /** Shows a request to the store about a seat. It is not an event of the chart. */
  requested(commands: readonly SeatCommand[]): void {
    for (const [watch, ofSeat] of this.#watchesOf(commands)) watch.receive({ type: 'REQUEST', commands: ofSeat });
  }

  replied(commands: readonly SeatCommand[], hasDecided: boolean): void {
    const type = hasDecided ? 'REPLY' : 'NO_REPLY';
    for (const watch of this.#watchesOf(commands).keys()) watch.receive({ type });
  }

  changing(seatId: string): void {
    try {
      for (const follow of this.#followers.values()) follow(seatId);
      this.#observe(seatId, this.#service.seatActors.actor(seatId));
    } catch (error) {
      this.#logFailure(seatId, errorOf(error));
    }
  }

  /** Calls back before each transition of any seat, until the watcher leaves. */
  follow(watcher: Watcher, onChanging: (seatId: string) => void): void {
    this.#followers.set(watcher, onChanging);
    this.#service.watcher = this;
  }

  /** Returns the seats that had no watcher until now: their past events are unknown. */
  begin(seatIds: Iterable<string>, watcher: Watcher): string[] {
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
    this.#followers.delete(watcher);
    for (const id of this.#seats.keys()) this.leaveSeat(id, watcher);
    if (this.#seats.size + this.#followers.size === 0) this.#service.watcher = undefined;
  }

  leaveSeat(seatId: string, watcher: Watcher): void {
    const seat = this.#seats.get(seatId);
    seat?.watchers.delete(watcher);
    seat?.joining.delete(watcher);
    if (!seat || seat.watchers.size + seat.joining.size > 0) return;
    seat.watch?.stop();
    this.#seats.delete(seatId);
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
    const { seatActors } = this.#service;
    const first = seatActors.snapshot(id);
    seat.sinceSeq = first?.context.seat.seq ?? 0;
    seat.watch =
      first &&
      new ActorWatch({
        id: `seat-${id}`,
        definition,
        snapshot: () => seatActors.snapshot(id) ?? first,
        projection: this.#options.projection,
        send: (message) => {
          const text = serverSentEvent(message); // serialised once for all watchers
          for (const watcher of seat.watchers) watcher.send(text);
        },
        onError: (error) => this.#logFailure(id, error),
      });
    this.#observe(id, seatActors.started(id));
    this.#service.watcher = this;
    const commands = this.#service.commandsUnderWay(id);
    if (commands) seat.watch?.receive({ type: 'REQUEST', commands });
  }

  /** From now on, if the seat is watched and its actor is not observed yet. */
  #observe(id: string, actor: ReturnType<InspectedService['seatActors']['started']>): void {
    const watch = this.#seats.get(id)?.watch;
    if (watch && actor && !watch.isStarted) watch.start(actor);
  }

  /** The watched seats of these commands, each with its commands. One pass: both may be a thousand. */
  #watchesOf(commands: readonly SeatCommand[]): Map<ActorWatch, SeatCommand[]> {
    const found = new Map<ActorWatch, SeatCommand[]>();
    for (const command of commands) {
      for (const id of command.seatIds) {
        const watch = this.#seats.get(id)?.watch;
        if (!watch) continue;
        const ofSeat = found.get(watch);
        if (ofSeat) ofSeat.push(command);
        else found.set(watch, [command]);
      }
    }
    return found;
  }

  #logFailure(seatId: string, error: Error): void {
    this.#options.logger.error({ err: error, seat: seatId }, 'The inspector failed; the seat is not affected');
  }
}

/** The event with which an actor receives a committed transition. */
function asActorEvent(fact: SeatEvent): { event: AnyEventObject; atMs: number } {
  return { event: { type: fact.type.toUpperCase(), fact }, atMs: Date.parse(fact.timestamp) };
}
