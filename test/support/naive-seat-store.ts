import type { Redis } from 'ioredis';
import type { Seat } from '../../src/protocol/seat.ts';

/**
 * Double-sells seats: reads, decides and writes in separate calls. The control of the race tests, which must
 * catch it. `betweenReadAndWrite`: lets another process run between the calls.
 */
export class NaiveSeatStore {
  readonly #redis: Redis;
  readonly #betweenReadAndWrite: () => Promise<void>;

  constructor(redis: Redis, betweenReadAndWrite: () => Promise<void>) {
    this.#redis = redis;
    this.#betweenReadAndWrite = betweenReadAndWrite;
  }

  /** True: the reply confirmed the hold to the user. */
  async select(seatId: string, userId: string): Promise<boolean> {
    const seat = await this.#read(seatId);
    const lock = await this.#redis.get(`seat:${seatId}:lock`);
    await this.#betweenReadAndWrite();
    if (seat.status !== 0 || lock !== null) return false;
    await this.#redis.set(`seat:${seatId}:lock`, userId, 'EX', 30);
    await this.#write({ ...seat, status: 1, held_by: userId });
    return true;
  }

  /** True: the reply confirmed the booking to the user. */
  async book(seatId: string, userId: string): Promise<boolean> {
    const lock = await this.#redis.get(`seat:${seatId}:lock`);
    const seat = await this.#read(seatId);
    await this.#betweenReadAndWrite();
    if (lock !== userId || seat.status === 2) return false;
    await this.#write({ ...seat, status: 2, held_by: userId });
    return true;
  }

  async #read(seatId: string): Promise<Seat> {
    return JSON.parse((await this.#redis.hget('venue:seats', seatId)) as string) as Seat;
  }

  async #write(seat: Seat): Promise<void> {
    await this.#redis.hset('venue:seats', seat.id, JSON.stringify(seat));
  }
}
