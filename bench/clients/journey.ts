import type { SeatRequest } from '../audit/client-log.ts';
import type { AnswerKind } from '../http/seat-command.ts';
import type { CommandScript } from './command-conversation.ts';
import type { SeatPool } from './seat-pool.ts';

const bookedShare = 0.3;
const leftToExpireShare = 0.02;

export interface JourneyOptions {
  newUserId: () => string;
  pool: SeatPool;
  holdMs: number;
  journeys: { completed: number };
}

/** One user after another: each selects a free seat, then books it, releases it, or lets the hold expire. */
export class Journey implements CommandScript {
  readonly first: SeatRequest;
  readonly #options: JourneyOptions;
  #request: SeatRequest;

  constructor(options: JourneyOptions) {
    this.#options = options;
    this.first = this.#begin();
    this.#request = this.first;
  }

  next(kind: AnswerKind): SeatRequest {
    this.#request = kind === 'ok' ? this.#continue() : this.#begin();
    return this.#request;
  }

  #begin(): SeatRequest {
    return { action: 'select', seatIds: [this.#options.pool.take()], userId: this.#options.newUserId() };
  }

  #continue(): SeatRequest {
    const { pool, journeys, holdMs } = this.#options;
    const { action, seatIds } = this.#request;
    if (action === 'select') {
      const chance = Math.random();
      if (chance < bookedShare && pool.canSell()) return { ...this.#request, action: 'book' };
      if (chance < 1 - leftToExpireShare) return { ...this.#request, action: 'release' };
      setTimeout(() => pool.giveBack(seatIds), holdMs + 100).unref();
    }
    if (action === 'release') pool.giveBack(seatIds);
    journeys.completed++;
    return this.#begin();
  }
}
