import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Position } from '../../src/protocol/venue.ts';
import {
  type Decision,
  type History,
  type SeatCommand,
  type SeatStore,
  StoreTimeoutError,
  StoreUnavailableError,
  type VenueSnapshot,
} from '../../src/store/seat-store.ts';
import { CopyableSeatStore, type StoreSettings } from './copyable-seat-store.ts';
import { DecisionAudit } from './decision-audit.ts';
import type { MessageFaults } from './faults.ts';
import { FifoLink } from './fifo-link.ts';
import type { Host } from './host.ts';
import { SeatLedger } from './seat-ledger.ts';
import type { World } from './world.ts';

const callTimeoutMs = 1_000;

export interface StoreServerOptions {
  world: World;
  settings: StoreSettings;
  faults: MessageFaults;
  /** The events that the bus has accepted: no others may count as relayed. */
  isPublished: (event: SeatEvent) => boolean;
  /** Replaces the real rules in a control. */
  createStore?: (settings: StoreSettings, nowMs: () => number, newEpochName: () => string) => SeatStore;
}

/** The one store that all booking processes share, with an auditor who sees each decision as it is made. */
export class StoreServer {
  readonly ledger: SeatLedger;
  readonly decisions: DecisionAudit;
  readonly faults: MessageFaults;
  readonly world: World;
  /** The losses of the venue and their replacements: earlier events imply nothing about later ones. */
  readonly losses: { atMs: number; seats: SeatLedger['seats']; commits: number }[] = [];
  /** When its clock was set. */
  readonly jumps: { atMs: number; byMs: number }[] = [];
  readonly #options: StoreServerOptions;
  readonly #backups: { callCount: number; restoreLedger: () => void }[] = [];
  readonly #hungCalls: (() => void)[] = [];
  readonly #connections = new Set<StoreConnection>();
  #store: SeatStore;
  #epochs = 0;
  #clockOffsetMs: number;
  #isDown = false;
  #starts = 0;
  #isHung = false;
  #expiryQuestions = new Map<string, number>();

  constructor(options: StoreServerOptions) {
    const { world, settings, faults } = options;
    this.world = world;
    this.#options = options;
    this.faults = faults;
    this.#clockOffsetMs = 1_700_000_000_000 + world.random.int(0, 1_000_000_000);
    this.ledger = new SeatLedger(world, settings);
    this.decisions = new DecisionAudit(world, this.ledger, settings);
    this.#store = this.#createStore();
  }

  #nowMs(): number {
    return Math.floor(this.world.nowMs + this.#clockOffsetMs);
  }

  /** The largest number of expiry requests of one process for one hold since the last call. */
  mostExpiryQuestions(): number {
    const most = Math.max(0, ...this.#expiryQuestions.values());
    this.#expiryQuestions.clear();
    return most;
  }

  noteExpiryQuestion(host: Host, seatId: string): void {
    const key = `${host.name} ${seatId}`;
    this.#expiryQuestions.set(key, (this.#expiryQuestions.get(key) ?? 0) + 1);
  }

  /** Whether its reported times can still be compared. */
  get hasJumped(): boolean {
    return this.jumps.length > 0;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Requests to a server that went down never reach the restarted one. */
  get starts(): number {
    return this.#starts;
  }

  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  /** The content, for the audit at the end. */
  read(): Promise<VenueSnapshot> {
    return this.#store.open();
  }

  connect(host: Host): StoreConnection {
    const connection = new StoreConnection(this, host);
    this.#connections.add(connection);
    host.onDeath(() => this.#connections.delete(connection));
    return connection;
  }

  execute<T>(operation: (store: SeatStore) => Promise<T>, done: (result: Promise<T>) => void): void {
    const work = () => done(operation(this.#store));
    if (this.#isDown) done(Promise.reject(new StoreUnavailableError('down')));
    else if (this.#isHung) this.#hungCalls.push(work);
    else work();
  }

  down(): void {
    this.#isDown = true;
    this.#starts++;
    for (const connection of this.#connections) connection.cut();
    this.#hungCalls.length = 0;
  }

  up(): void {
    if (this.#store instanceof CopyableSeatStore) this.#store.startAnew();
    this.#isDown = false;
  }

  hang(): void {
    this.#isHung = true;
  }

  goOn(): void {
    this.#isHung = false;
    for (const work of this.#hungCalls.splice(0)) work();
  }

  /** FLUSHALL. */
  wipe(): void {
    this.#store = this.#createStore();
    this.#backups.length = 0;
    this.ledger.wiped();
    this.#lost();
  }

  backup(): void {
    if (!(this.#store instanceof CopyableSeatStore) || this.ledger.position.epoch === '') return;
    this.#backups.push({ callCount: this.#store.callCount, restoreLedger: this.ledger.backup() });
  }

  /** Replaces the data with an older copy. */
  restore(): void {
    if (!(this.#store instanceof CopyableSeatStore) || this.#backups.length === 0) return;
    const { callCount, restoreLedger } = this.world.random.pick(this.#backups);
    this.world.count('store restored from an older copy');
    restoreLedger();
    this.#isDown = true;
    void this.#store.copyAt(callCount).then((copy) => {
      this.#store = copy;
    });
    this.#backups.length = 0;
    this.#lost();
  }

  jump(): void {
    const byMs = this.world.random.pick([-3_600_000, -2_000, -500, 500, 2_000, 3_600_000]);
    this.#clockOffsetMs += byMs;
    this.jumps.push({ atMs: this.world.nowMs, byMs });
  }

  #lost(): void {
    const { seats, commits } = this.ledger;
    this.losses.push({ atMs: this.world.nowMs, seats, commits: commits.length });
    this.decisions.lost();
  }

  #createStore(): SeatStore {
    const { settings, createStore } = this.#options;
    const newEpochName = () => `e${++this.#epochs}`;
    const create = createStore ?? ((...args) => new CopyableSeatStore(...args));
    return create(settings, () => this.#nowMs(), newEpochName);
  }

  /** [R51] Only events that the bus has accepted may count as relayed. */
  auditRelayed({ epoch, seq }: Position): void {
    if (epoch !== this.ledger.position.epoch) return;
    const missing = this.ledger.log.find((event) => event.seq <= seq && !this.#options.isPublished(event));
    if (missing) this.world.fail('R51', `${epoch}:${seq} counts as relayed, but ${missing.seq} was never published`);
  }
}

/** One booking process's client of the store: like that of Redis, it gives a call up after a second. */
export class StoreConnection implements SeatStore {
  readonly #server: StoreServer;
  readonly #host: Host;
  readonly #world: World;
  readonly #open = new Set<(error: Error) => void>();
  readonly #isUnordered: boolean;
  #there: FifoLink;
  #back: FifoLink;
  #isCut = false;

  constructor(server: StoreServer, host: Host) {
    this.#server = server;
    this.#host = host;
    this.#world = server.world;
    this.#isUnordered = this.#world.strikes('store connection unordered', server.faults.storeUnordered);
    this.#there = new FifoLink(this.#world);
    this.#back = new FifoLink(this.#world);
  }

  /** Pending calls fail now; sent requests may still be executed. */
  cut(): void {
    for (const fail of [...this.#open]) fail(new StoreUnavailableError('the connection was cut'));
    this.#there = new FifoLink(this.#world);
    this.#back = new FifoLink(this.#world);
  }

  disable(): void {
    this.#isCut = true;
    this.cut();
  }

  enable(): void {
    this.#isCut = false;
  }

  open(knownSystem?: string): Promise<VenueSnapshot> {
    return this.#call('open', async (store) => {
      const snapshot = await store.open(knownSystem);
      this.#server.ledger.opened(snapshot);
      return snapshot;
    });
  }

  decide(commands: readonly SeatCommand[], known: Position): Promise<Decision> {
    return this.#call('decide', async (store) => {
      for (const { action, seatIds } of commands) {
        if (action === 'expire') for (const id of seatIds) this.#server.noteExpiryQuestion(this.#host, id);
      }
      const decision = await store.decide(commands, known);
      this.#server.decisions.decided(commands, decision);
      const told = () => commands.map(asText).join(', ');
      this.#world.trace(() => `store: ${this.#host.name} ${told()} → ${decision.events.map(eventText)}`);
      return decision;
    });
  }

  eventsAfter(position: Position, limit: number): Promise<History> {
    return this.#call('eventsAfter', (store) => store.eventsAfter(position, limit));
  }

  relayedPosition(): Promise<Position | undefined> {
    return this.#call('relayedPosition', (store) => store.relayedPosition());
  }

  markRelayed(position: Position): Promise<void> {
    return this.#call('markRelayed', (store) => {
      this.#server.auditRelayed(position);
      return store.markRelayed(position);
    });
  }

  async audit(): Promise<void> {}

  checkWritable(): Promise<void> {
    return this.#call('checkWritable', (store) => store.checkWritable());
  }

  close(): void {
    this.disable();
  }

  #call<T>(name: string, operation: (store: SeatStore) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        this.#open.delete(fail);
        this.#host.libraryClock.clearTimeout(timer);
        this.#host.run(() => {
          this.#world.trace(() => `${this.#host.name}: ${name} failed: ${error.name} ${error.message}`);
          reject(error);
        });
      };
      const succeed = (value: T) => {
        if (!this.#open.delete(fail)) return;
        this.#host.libraryClock.clearTimeout(timer);
        this.#host.run(() => resolve(value));
      };
      this.#open.add(fail);
      const timer = this.#host.libraryClock.setTimeout(() => fail(new StoreTimeoutError('no answer')), callTimeoutMs);
      this.#send(operation, succeed, fail);
    });
  }

  #send<T>(
    operation: (store: SeatStore) => Promise<T>,
    succeed: (value: T) => void,
    fail: (error: Error) => void,
  ): void {
    const { faults } = this.#server;
    if (this.#isCut || this.#server.isDown) {
      this.#world.after(0, () => fail(new StoreUnavailableError('no connection')));
      return;
    }
    if (this.#world.strikes('store request lost', faults.storeRequestLost)) return;
    const back = this.#back;
    const { starts } = this.#server;
    this.#pass(this.#there, () => {
      if (starts !== this.#server.starts) return;
      this.#server.execute(operation, (result) => {
        const answer = result.then(
          (value) => () => succeed(value),
          (error: Error) => () => fail(error),
        );
        void answer.then((deliver) => {
          if (back !== this.#back || this.#world.strikes('store reply lost', faults.storeReplyLost)) return;
          this.#pass(back, deliver);
        });
      });
    });
  }

  #pass(link: FifoLink, arrive: () => void): void {
    const isSlow = this.#world.strikes('store slow', this.#server.faults.storeSlow);
    const delayMs = isSlow ? this.#world.faultMs(20, 2_500) : this.#world.latencyMs();
    if (this.#isUnordered) this.#world.after(delayMs, arrive);
    else link.send(delayMs, arrive);
  }
}

function asText(command: SeatCommand): string {
  const { action, seatIds } = command;
  return `${action} ${seatIds}${command.action === 'expire' ? '' : ` ${command.userId}`}`;
}

function eventText({ epoch, seq, type, reason, user_id }: SeatEvent): string {
  return `${epoch}:${seq} ${reason ?? type} ${user_id}`;
}
