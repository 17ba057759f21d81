import type { Ledger } from '../../../src/ledger/ledger.ts';
import type { BookedSeat } from '../../../src/ledger/seat-history.ts';
import { bookedSeats, type SeatsOfShow } from '../../../src/orders/order-seats.ts';
import type { SeatEvent } from '../../../src/protocol/events.ts';
import {
  type Answer,
  type ProvenBooking,
  type SeatCommand,
  StoreTimeoutError,
  StoreUnavailableError,
  VenueLostError,
  type VenueSnapshot,
} from '../../../src/store/seat-store.ts';
import { CopyableSeatStore, type StoreSettings } from '../copyable-seat-store.ts';
import type { Host } from '../host.ts';
import type { World } from '../world.ts';
import type { OrderFaults } from './faults.ts';
import { Server } from './server.ts';

export interface SimulatedSeatsOptions {
  world: World;
  faults: OrderFaults;
  settings: StoreSettings;
  /** The database itself, for the seats as they are at the end. */
  ledger: Ledger;
  show: string;
  /** False, for a control: a new epoch opens without the ledger. */
  fenced: boolean;
  /** Sees each decision as it is made. */
  onDecided: (command: SeatCommand, answer: Answer, events: readonly SeatEvent[]) => Promise<void>;
}

/** As one process reaches them. */
interface SeatsOfProcess extends SeatsOfShow {
  decide: (command: SeatCommand) => Promise<Answer>;
  /** Opens the show again after a failover, without a command. Rejects as `decide` does. */
  check: () => Promise<void>;
}

/** The seats of one show in a store that all processes share, and that may lose its last writes. */
export class SimulatedSeats {
  readonly server: Server;
  readonly #options: SimulatedSeatsOptions;
  #store: CopyableSeatStore;
  /** As every process knows them: from the snapshot at the opening, and the events since. */
  readonly #booked = new Map<string, BookedSeat>();
  #epochs = 0;
  #clockOffsetMs = 1_700_000_000_000;

  constructor(options: SimulatedSeatsOptions) {
    const { world, faults, settings } = options;
    this.#options = options;
    this.server = new Server('store', world, faults, {
      timeoutMs: 1_000,
      refused: () => new StoreUnavailableError('down'),
      unknown: () => new StoreTimeoutError('no reply'),
    });
    this.#store = new CopyableSeatStore(
      settings,
      () => this.nowMs(),
      () => `e${++this.#epochs}`,
    );
  }

  /** Unix ms on the clock of the store, which is that of orders. */
  nowMs(): number {
    return Math.floor(this.#options.world.nowMs + this.#clockOffsetMs);
  }

  stepClock(byMs: number): void {
    this.#clockOffsetMs += byMs;
  }

  /** As the next process would open them. */
  async read(): Promise<VenueSnapshot> {
    const opening = this.#store.beginOpening();
    if (opening !== undefined) this.#store.finishOpening(opening, await this.#proven(this.#options.ledger));
    return this.#store.open();
  }

  /** As `RedisVenue` does: registers the opening, reads the ledger, and opens an epoch unless another process was faster. */
  async #open(host: Host, ledger: Ledger): Promise<VenueSnapshot> {
    for (;;) {
      const begun = await this.server.call(host, 'begin opening', async () => {
        const opening = this.#store.beginOpening();
        return opening === undefined ? this.#store.open() : { store: this.#store, opening };
      });
      if (!('opening' in begun)) return begun;
      const proven = await this.#proven(ledger);
      await this.server.call(host, 'finish opening', async () => {
        // A store that has failed over since does not know the opening.
        if (begun.store === this.#store) this.#store.finishOpening(begun.opening, proven);
      });
    }
  }

  async #proven(ledger: Ledger): Promise<readonly ProvenBooking[]> {
    return this.#options.fenced ? ledger.restorable(this.#options.show) : [];
  }

  /** `ledger`: as the process sees it. */
  connect(host: Host, ledger: Ledger): SeatsOfProcess {
    let epoch = '';
    let seq = 0;
    let store: CopyableSeatStore | undefined;
    const open = async () => {
      const snapshot = await this.#open(host, ledger);
      ({ epoch, seq } = snapshot);
      store = this.#store;
      this.#booked.clear();
      for (const seat of bookedSeats(epoch, snapshot.seats)) this.#booked.set(seat.seatId, seat);
    };
    const decide = async (command: SeatCommand): Promise<Answer> => {
      for (let attempt = 1; ; attempt++) {
        if (epoch === '') await open();
        try {
          return await this.server.call(host, textOf(command), async () => {
            const { answers, events } = await this.#store.decide([command], { epoch, seq });
            const [answer] = answers as [Answer];
            for (const event of events) this.#follow(event);
            seq = Math.max(seq, ...events.map((event) => event.seq));
            await this.#options.onDecided(command, answer, events);
            return answer;
          });
        } catch (error) {
          if (!(error instanceof VenueLostError) || attempt > 3) throw error;
          epoch = ''; // as BookingService does: open it again, and decide there
        }
      }
    };
    const check = async () => {
      if (store !== undefined && store !== this.#store) await open();
    };
    return { decide, check, commandOfOrder: decide, bookedSeats: () => [...this.#booked.values()] };
  }

  #follow({ type, seat_id: seatId, user_id: userId, epoch, seq }: SeatEvent): void {
    if (type === 'booked') this.#booked.set(seatId, { seatId, userId, at: { epoch, seq } });
    else this.#booked.delete(seatId);
  }

  /** A failover to a replica that lagged behind. */
  async loseWrites(): Promise<void> {
    const { world } = this.#options;
    const lost = world.random.int(1, 6);
    this.#store = await this.#store.copyAt(Math.max(1, this.#store.callCount - lost));
    world.count('store lost its last writes');
    world.trace(() => `store: lost its last ${lost} calls`);
  }
}

const textOf = (command: SeatCommand) =>
  `${command.action} ${command.seatIds.join('+')}${'userId' in command ? ` ${command.userId}` : ''}${'orderId' in command ? ` for ${command.orderId.slice(0, 6)}` : ''}`;
