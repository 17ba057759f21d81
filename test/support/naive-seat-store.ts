import type { Redis } from 'ioredis';
import type { Seat } from '../../src/protocol/seat.ts';

/**
 * How seats are double-sold: read, think, write, in calls of their own. The control of the race tests, which must
 * catch it. `betweenReadAndWrite` is where another process comes in between.
 */
export class NaiveSeatStore {
  readonly #redis: Redis;
  readonly #betweenReadAndWrite: () => Promise<void>;

  constructor(redis: Redis, betweenReadAndWrite: () => Promise<void>) {
    this.#redis = redis;
    this.#betweenReadAndWrite = betweenReadAndWrite;
  }

  /** True: the user was told that the seat is theirs to book. */
  async select(seatId: string, userId: string): Promise<boolean> {
    const seat = await this.#read(seatId);
    const lock = await this.#redis.get(`seat:${seatId}:lock`);
    await this.#betweenReadAndWrite();
    if (seat.status !== 0 || lock !== null) return false;
    await this.#redis.set(`seat:${seatId}:lock`, userId, 'EX', 30);
    await this.#write({ ...seat, status: 1, held_by: userId });
    return true;
  }

  /** True: the user was told that the seat is sold to them. */
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
