import type { Redis } from 'ioredis';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { Refusal } from '../../src/protocol/errors.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import type { Booker, Reply } from './booker.ts';

/**
 * The control: a naive booking. Every step is right, but each is a separate call to Redis: read
 * the seat, read the lock, write. Only the network delays them.
 */
export class NaiveBooker implements Booker {
  readonly userId: string;
  readonly #redis: Redis;
  readonly #holdMs: number;

  constructor({ userId, redis, holdMs }: { userId: string; redis: Redis; holdMs: number }) {
    this.userId = userId;
    this.#redis = redis;
    this.#holdMs = holdMs;
  }

  async ask(action: UserAction, seatId: string): Promise<Reply> {
    const refusal = await this[action](seatId);
    return { kind: 'decided', ...(refusal && { refusal }) };
  }

  async select(seatId: string): Promise<Refusal | undefined> {
    const seat = await this.#seat(seatId);
    if (seat.status === 2) return 'SEAT_BOOKED';
    const holder = await this.#holder(seatId);
    if (holder !== null) return holder === this.userId ? undefined : 'SEAT_HELD';
    await this.#redis.set(lockOf(seatId), this.userId, 'PX', this.#holdMs);
    await this.#write({ ...seat, status: 1, held_by: this.userId });
    return undefined;
  }

  async book(seatId: string): Promise<Refusal | undefined> {
    const seat = await this.#seat(seatId);
    if (seat.status === 2) return seat.held_by === this.userId ? undefined : 'SEAT_BOOKED';
    if (seat.status !== 1 || seat.held_by !== this.userId) return 'NOT_HOLDER';
    await this.#write({ ...seat, status: 2 });
    await this.#redis.persist(lockOf(seatId));
    return undefined;
  }

  async release(seatId: string): Promise<Refusal | undefined> {
    const { id, row, col, seq, status, held_by } = await this.#seat(seatId);
    if (status === 2) return 'SEAT_BOOKED';
    if (status !== 1 || held_by !== this.userId) return 'NOT_HOLDER';
    await this.#redis.del(lockOf(seatId));
    await this.#write({ id, row, col, seq, status: 0 });
    return undefined;
  }

  async #holder(seatId: string): Promise<string | null> {
    return this.#redis.get(lockOf(seatId));
  }

  async #seat(seatId: string): Promise<Seat> {
    return JSON.parse((await this.#redis.hget('venue:seats', seatId)) as string) as Seat;
  }

  async #write(seat: Seat): Promise<void> {
    await this.#redis.hset('venue:seats', seat.id, JSON.stringify(seat));
  }
}

const lockOf = (seatId: string): string => `seat:${seatId}:lock`;
