import type { Logger } from 'pino';
import type { Clock } from '../process/clock.ts';
import { messageOf } from '../process/error-facts.ts';
import { Rounds } from '../process/rounds.ts';
import { StateLog } from '../process/state-log.ts';
import type { SeatEvent } from '../protocol/events.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Position } from '../protocol/venue.ts';
import { logStart } from '../store/log-start.ts';
import type { SeatLog } from '../store/seat-store.ts';
import type { Ledger } from './ledger.ts';
import { HistoryGapError } from './ledger-errors.ts';
import type { LedgerEvent, RecoveredBooking } from './seat-history.ts';

const intervalMs = 250;
/** A failure that ends sooner, as in a restart of a server, is not worth a line in the log. */
const quietForMs = 2_000;
/** Per read of the log, which nothing else in the store runs beside, and per transaction. */
const eventsPerRead = 1_000;

export interface ProjectionOptions {
  show: string;
  log: SeatLog;
  ledger: Ledger;
  /** The show as this process sees it; epoch '' until it is open. */
  view: { readonly position: Position; readonly seats: Iterable<Seat> };
  clock: Clock;
  logger: Logger;
}

/**
 * Copies the log of a show into the ledger, in order and without gaps, soon after each transition. Any number of processes
 * may do it for one show: the ledger skips what it has. While the ledger cannot be reached, the log keeps the transitions, up to
 * its maximum length. Beyond that the oldest are lost for the history, but the bookings among them are recovered from the state of the seats.
 */
export class Projection {
  readonly #options: ProjectionOptions;
  readonly #stateLog: StateLog;
  #projected: Position = { epoch: '', seq: 0 };
  #behindSinceMs: number | undefined;
  readonly #rounds: Rounds;

  constructor(options: ProjectionOptions) {
    this.#options = options;
    this.#stateLog = new StateLog(options.logger);
    this.#rounds = new Rounds({ clock: options.clock, intervalMs, round: () => this.#run() });
  }

  start(): void {
    this.#rounds.start(0);
  }

  /** Waits for a transaction under way. */
  stop(): Promise<void> {
    return this.#rounds.stop();
  }

  /** Number of transitions that are not known to be in the ledger. */
  get lagEvents(): number {
    const { epoch, seq } = this.#options.view.position;
    return epoch === this.#projected.epoch ? Math.max(0, seq - this.#projected.seq) : seq;
  }

  /** For how long there have been any, in ms. */
  get lagMs(): number {
    return this.#behindSinceMs === undefined ? 0 : this.#options.clock.nowMs() - this.#behindSinceMs;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { clock, view } = this.#options;
    if (view.position.epoch === '' || this.lagEvents === 0) {
      this.#behindSinceMs = undefined;
      return;
    }
    this.#behindSinceMs ??= clock.nowMs();
    try {
      await this.#catchUp(view.position.epoch);
      this.#stateLog.recovered('The ledger has all transitions again');
    } catch (error) {
      if (this.lagMs > quietForMs)
        this.#stateLog.warn('The ledger is behind: its transitions wait in the log', { error: messageOf(error) });
    }
    if (this.lagEvents === 0) this.#behindSinceMs = undefined;
  }

  async #catchUp(epoch: string): Promise<void> {
    const { show, log, ledger, view } = this.#options;
    const projectedSeq = await ledger.projectedSeq(show, epoch);
    let seq = projectedSeq ?? (await this.#notedSeq(epoch)) ?? 0;
    let recovered: RecoveredBooking[] | undefined;
    // Bookings are recovered only from a view that has all that was lost.
    while (!this.#rounds.isStopped && view.position.epoch === epoch && view.position.seq >= seq) {
      const history = await log.eventsAsDecided({ epoch, seq }, eventsPerRead);
      if (history.epoch !== epoch) return; // the view follows
      if (history.events) {
        const events = history.events.map(ledgerEvent);
        if (!(await this.#append(events, recovered))) {
          // The position that the store had noted is not that of this ledger, e.g. after it was restored from a backup.
          seq = await this.#logStart(epoch, 0, history.seq);
          recovered = this.#bookings(history.nowMs);
          continue;
        }
        recovered = undefined;
        seq += events.length;
        this.#projected = { epoch, seq };
        if (seq > 0) await log.markLedger(this.#projected);
        if (seq >= history.seq) return;
      } else {
        seq = await this.#logStart(epoch, seq, history.seq);
        recovered = this.#bookings(history.nowMs);
      }
    }
  }

  /** False: transitions before the first one are missing in the ledger. */
  async #append(events: readonly LedgerEvent[], recovered: RecoveredBooking[] | undefined): Promise<boolean> {
    const { show, ledger, logger } = this.#options;
    try {
      await ledger.appendEvents(show, recovered ? { events, recovered } : { events });
      if (recovered)
        logger.warn({ seq: events[0]?.seq }, 'The history in the ledger may have a gap before this transition');
      return true;
    } catch (error) {
      if (!(error instanceof HistoryGapError) || recovered) throw error;
      return false;
    }
  }

  /** Where the store has noted that the ledger is; carried over from the previous epoch. */
  async #notedSeq(epoch: string): Promise<number | undefined> {
    const noted = await this.#options.log.ledgerPosition();
    return noted?.epoch === epoch ? noted.seq : undefined;
  }

  /** The least seq from `lostSeq` on after which the log can be read. */
  async #logStart(epoch: string, lostSeq: number, newestSeq: number): Promise<number> {
    const { log } = this.#options;
    const canReadAfter = async (seq: number) => {
      const { events } = await log.eventsAsDecided({ epoch, seq }, 1);
      return events !== undefined;
    };
    return (await canReadAfter(lostSeq)) ? lostSeq : logStart(lostSeq, newestSeq, canReadAfter);
  }

  #bookings(nowMs: number): RecoveredBooking[] {
    const bookings: RecoveredBooking[] = [];
    for (const { id, status, held_by } of this.#options.view.seats) {
      if (status === SeatStatus.booked && held_by !== undefined) {
        bookings.push({ seatId: id, userId: held_by, atMs: nowMs });
      }
    }
    return bookings;
  }
}

export function ledgerEvent({
  type,
  seat_id,
  user_id,
  epoch,
  seq,
  reason,
  timestamp,
  expires_at,
}: SeatEvent): LedgerEvent {
  return {
    type,
    seat_id,
    user_id,
    epoch,
    seq,
    atMs: Date.parse(timestamp),
    ...(expires_at !== undefined && { expiresAtMs: Math.round(expires_at * 1000) }),
    ...(reason !== undefined && { reason }),
  };
}
