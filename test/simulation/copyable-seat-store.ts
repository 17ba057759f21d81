import type { Position } from '../../src/protocol/venue.ts';
import { type GridSize, gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import type { HoldRules } from '../../src/store/seat-rules.ts';
import type {
  Decision,
  History,
  ProvenBooking,
  SeatCommand,
  SeatStore,
  VenueSnapshot,
} from '../../src/store/seat-store.ts';

export interface StoreSettings extends GridSize, HoldRules {
  keepEvents: number;
}

interface Call {
  atMs: number;
  repeat: (store: CopyableSeatStore) => Promise<unknown>;
}

/**
 * The memory store with epochs that have the same names in every run (`e1`, `e2` …). It can be restarted, as Redis
 * can, and it can return an older copy of itself: another store that got the same calls up to then.
 */
export class CopyableSeatStore implements SeatStore {
  readonly #settings: StoreSettings;
  #newEpochName: () => string;
  readonly #names: string[] = [];
  readonly #store: MemorySeatStore;
  #nameOf = new Map<string, string>([['', '']]);
  #epochOf = new Map<string, string>([['', '']]);
  readonly #calls: Call[] = [];
  /** By their number, which is the same in every copy. */
  readonly #openings: symbol[] = [];
  #nowMs: () => number;

  /** `nowMs`: Unix milliseconds. */
  constructor(settings: StoreSettings, nowMs: () => number, newEpochName: () => string) {
    this.#settings = settings;
    this.#nowMs = nowMs;
    this.#newEpochName = newEpochName;
    this.#store = new MemorySeatStore({ ...settings, plan: gridPlan(settings), nowMs: () => this.#nowMs() });
  }

  /** The data that `copyAt` needs about this moment. */
  get callCount(): number {
    return this.#calls.length;
  }

  async copyAt(callCount: number): Promise<CopyableSeatStore> {
    const names = [...this.#names];
    const copy = new CopyableSeatStore(this.#settings, this.#nowMs, () => names.shift() ?? this.#newEpochName());
    for (const call of this.#calls.slice(0, callCount)) {
      copy.#nowMs = () => call.atMs;
      await call.repeat(copy).catch(() => {}); // it failed then, too
    }
    copy.#nowMs = this.#nowMs;
    copy.#newEpochName = this.#newEpochName;
    copy.startAnew();
    return copy;
  }

  /** Every run of the store has epochs of its own. */
  startAnew(): void {
    this.#note(async (store) => store.startAnew());
    this.#store.endEpoch();
    this.#nameOf = new Map([['', '']]);
    this.#epochOf = new Map([['', '']]);
  }

  async open(knownSystem?: string): Promise<VenueSnapshot> {
    this.#note((store) => store.open(knownSystem));
    return this.#outer(await this.#store.open(knownSystem));
  }

  /** The number of the opening; undefined: the store is open. */
  beginOpening(): number | undefined {
    this.#note(async (store) => store.beginOpening());
    const opening = this.#store.beginOpening();
    return opening && this.#openings.push(opening) - 1;
  }

  finishOpening(opening: number, proven: readonly ProvenBooking[]): void {
    this.#note(async (store) => store.finishOpening(opening, proven));
    this.#store.finishOpening(this.#openings[opening] ?? Symbol('of another store'), proven);
  }

  async decide(commands: readonly SeatCommand[], known: Position): Promise<Decision> {
    this.#note((store) => store.decide(commands, known));
    const decision = await this.#store.decide(
      commands.map((command) => this.#innerOf(command)),
      this.#inner(known),
    );
    return { ...decision, events: decision.events.map((event) => this.#outer(event)) };
  }

  async eventsAfter(position: Position, limit: number): Promise<History> {
    this.#note((store) => store.eventsAfter(position, limit)); // it may find the venue to be lost
    const history = await this.#store.eventsAfter(this.#inner(position), limit);
    const { events, ...now } = this.#outer(history);
    return events ? { ...now, events: events.map((event) => this.#outer(event)) } : now;
  }

  async relayedPosition(): Promise<Position | undefined> {
    this.#note((store) => store.relayedPosition()); // it may name an epoch
    const position = await this.#store.relayedPosition();
    return position && this.#outer(position);
  }

  async markRelayed(position: Position): Promise<void> {
    this.#note((store) => store.markRelayed(position));
    await this.#store.markRelayed(this.#inner(position));
  }

  async audit(): Promise<void> {}

  async checkWritable(): Promise<void> {}

  #note(repeat: Call['repeat']): void {
    this.#calls.push({ atMs: this.#nowMs(), repeat });
  }

  #inner<P extends Position>(position: P): P {
    return { ...position, epoch: this.#epochOf.get(position.epoch) ?? position.epoch };
  }

  #innerOf(command: SeatCommand): SeatCommand {
    if (command.action !== 'revoke' || !command.ifBookedAt) return command;
    return { ...command, ifBookedAt: this.#inner(command.ifBookedAt) };
  }

  #outer<P extends Position>(position: P): P {
    let name = this.#nameOf.get(position.epoch);
    if (name === undefined) {
      name = this.#newEpochName();
      this.#names.push(name);
      this.#nameOf.set(position.epoch, name);
      this.#epochOf.set(name, position.epoch);
    }
    return { ...position, epoch: name };
  }
}
