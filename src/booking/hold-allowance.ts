import { rateLimited } from '../identity/rate-limit.ts';
import type { Seat } from '../protocol/seat.ts';
import { SeatStatus } from '../protocol/seat-status.ts';
import type { Answer } from '../store/seat-store.ts';
import type { BookingService } from './booking-service.ts';

/** An address that holds a seat, or is about to. */
interface Claim {
  /** Commands without a reply yet. */
  pending: number;
  /** The last known hold. The view decides whether it still exists, from `seq` on. */
  hold?: { userId: string; seq: number; endMs: number };
}

const retryPendingMs = 1_000;
const minSweepSize = 1_000;

/**
 * Limits the seats that one address holds at once, whatever the number of its users: one machine with a thousand sessions
 * must not keep them all. Only what the venue shows as held counts: no refused, failed, repeated, released, expired or booked hold.
 */
export class HoldAllowance {
  readonly #maxHolds: number;
  readonly #venue: Pick<BookingService, 'view' | 'storeClock'>;
  /** By address, then by seat. */
  readonly #claims = new Map<string, Map<string, Claim>>();
  #size = 0;
  #sweepSize = minSweepSize;

  constructor(maxHolds: number, venue: Pick<BookingService, 'view' | 'storeClock'>) {
    this.#maxHolds = maxHolds;
    this.#venue = venue;
  }

  /** Holds and pending commands that are kept in memory, ended ones among them. */
  get claimCount(): number {
    return this.#size;
  }

  /**
   * Rejects with a `RefusedError` RATE_LIMITED if the address holds its maximum. Counts before the decision, so that many
   * concurrent commands cannot exceed the limit. Does not limit a request without an address.
   */
  async spend(
    { address, seatIds, userId }: { address: string | undefined; seatIds: readonly string[]; userId: string },
    select: () => Promise<Answer>,
  ): Promise<Answer> {
    if (address === undefined) return select();
    const claims: Claim[] = [];
    try {
      for (const seatId of seatIds) claims.push(this.#begin(address, seatId));
      const answer = await select();
      if (answer.refusal) return answer;
      for (const [i, { seq, expires_at = 0 }] of answer.seats.entries()) {
        const claim = claims[i];
        if (claim) claim.hold = { userId, seq, endMs: expires_at * 1000 };
      }
      return answer;
    } catch (error) {
      // The store may have decided it: the view will show that.
      for (const claim of claims) claim.hold ??= { userId, seq: 0, endMs: 0 };
      throw error;
    } finally {
      for (const claim of claims) claim.pending--;
    }
  }

  #begin(address: string, seatId: string): Claim {
    const claim = this.#claim(address, seatId);
    claim.pending++;
    return claim;
  }

  #claim(address: string, seatId: string): Claim {
    const known = this.#claims.get(address)?.get(seatId);
    if (known) return known;
    if ((this.#claims.get(address)?.size ?? 0) >= this.#maxHolds) this.#forgetEnded(address);
    const claims = this.#claims.get(address) ?? new Map<string, Claim>();
    if (claims.size >= this.#maxHolds) throw this.#refusal(claims);
    if (this.#size >= this.#sweepSize) this.#sweep();
    const claim = { pending: 0 };
    this.#claims.set(address, claims.set(seatId, claim));
    this.#size++;
    return claim;
  }

  #refusal(claims: Map<string, Claim>) {
    const ends = [...claims]
      .map(([seatId, claim]) => this.#endMs(seatId, claim))
      .filter((endMs) => endMs !== undefined);
    const waitMs = ends.length > 0 ? Math.min(...ends) - this.#venue.storeClock.nowMs() : retryPendingMs;
    const seats = this.#maxHolds === 1 ? '1 seat is' : `${this.#maxHolds} seats are`;
    const message = `${seats} held from your network address, the maximum (HOLDS_PER_ADDRESS). Book or release one`;
    return rateLimited(message, waitMs);
  }

  /** The end of the hold in Unix milliseconds; undefined if there is none. An overdue hold counts until the venue releases it. */
  #endMs(seatId: string, { hold }: Claim): number | undefined {
    const seat = this.#venue.view.seat(seatId);
    if (!hold) return undefined;
    const isBehind = !seat || seat.seq < hold.seq;
    if (isBehind) return hold.endMs > this.#venue.storeClock.nowMs() ? hold.endMs : undefined;
    return seat.status === SeatStatus.held && seat.held_by === hold.userId ? endOf(seat) : undefined;
  }

  #forgetEnded(address: string): void {
    const claims = this.#claims.get(address);
    if (!claims) return;
    for (const [seatId, claim] of claims) {
      if (claim.pending > 0 || this.#endMs(seatId, claim) !== undefined) continue;
      claims.delete(seatId);
      this.#size--;
    }
    if (claims.size === 0) this.#claims.delete(address);
  }

  /** Bounds the memory: afterwards there is at most one claim per held seat and per pending command. */
  #sweep(): void {
    for (const address of this.#claims.keys()) this.#forgetEnded(address);
    this.#sweepSize = Math.max(minSweepSize, 2 * this.#size);
  }
}

const endOf = (seat: Seat): number => (seat.expires_at ?? 0) * 1000;
