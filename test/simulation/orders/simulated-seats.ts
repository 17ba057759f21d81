import type { MemoryLedger } from '../../../src/ledger/memory-ledger.ts';
import type { SeatsOfShow } from '../../../src/orders/order-seats.ts';
import type { SeatEvent } from '../../../src/protocol/events.ts';
import { SeatStatus } from '../../../src/protocol/seat-status.ts';
import {
  type Answer,
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

const restorer = 'restore';

export interface SimulatedSeatsOptions {
  world: World;
  faults: OrderFaults;
  settings: StoreSettings;
  ledger: MemoryLedger;
  show: string;
  /** False, for a control: a new epoch opens without the ledger. */
  fenced: boolean;
  /** Sees each decision as it is made. */
  onDecided: (command: SeatCommand, answer: Answer, events: readonly SeatEvent[]) => Promise<void>;
}

/** The seats of one show in a store that all processes share, and that may lose its last writes. */
export class SimulatedSeats {
  readonly server: Server;
  readonly #options: SimulatedSeatsOptions;
  #store: CopyableSeatStore;
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

  read(): Promise<VenueSnapshot> {
    return this.#store.open();
  }

  connect(host: Host): SeatsOfShow & { decide: (command: SeatCommand) => Promise<Answer> } {
    let epoch = '';
    let seq = 0;
    const decide = async (command: SeatCommand): Promise<Answer> => {
      for (let attempt = 1; ; attempt++) {
        if (epoch === '') ({ epoch, seq } = await this.server.call(host, 'open', () => this.#store.open()));
        try {
          return await this.server.call(host, textOf(command), async () => {
            const { answers, events } = await this.#store.decide([command], { epoch, seq });
            const [answer] = answers as [Answer];
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
    return { decide, commandOfOrder: decide };
  }

  /** A failover to a replica that lagged behind. A new epoch opens when the live tickets are booked in it. */
  async loseWrites(): Promise<void> {
    const { world, fenced } = this.#options;
    const lost = world.random.int(1, 6);
    this.#store = await this.#store.copyAt(Math.max(1, this.#store.callCount - lost));
    world.count('store lost its last writes');
    world.trace(() => `store: lost its last ${lost} calls`);
    if (fenced) await this.#restoreTickets();
  }

  async #restoreTickets(): Promise<void> {
    const { ledger, show } = this.#options;
    for (const { seatId, userId } of await ledger.restorable(show)) {
      const { seats, ...position } = await this.#store.open();
      const seat = seats.find(({ id }) => id === seatId);
      if (seat?.status === SeatStatus.booked && seat.held_by === userId) continue;
      const orderId = `${restorer}-${position.epoch}-${seatId}`;
      const commands: SeatCommand[] = [
        { action: 'close', seatIds: [seatId], userId: seat?.held_by ?? userId, orderId: `${orderId}-old` },
        { action: 'rehold', seatIds: [seatId], userId, orderId, ttlMs: 1_000 },
        { action: 'sell', seatIds: [seatId], userId, orderId },
      ];
      const { answers } = await this.#store.decide(commands, position);
      if (answers.some(({ refusal }) => refusal)) throw new Error(`seat ${seatId} could not be restored`);
      this.#options.world.count('ticket restored');
    }
  }
}

const textOf = (command: SeatCommand) =>
  `${command.action} ${command.seatIds.join('+')}${'userId' in command ? ` ${command.userId}` : ''}${'orderId' in command ? ` for ${command.orderId.slice(0, 6)}` : ''}`;
