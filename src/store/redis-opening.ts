import { randomUUID } from 'node:crypto';
import type { Seat } from '../protocol/seat.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { Lock } from './seat-rules.ts';
import type { VenueKeys } from './venue-keys.ts';

/** Maximum number of seats or events per call, so that each call stays far below the size limits of a command. */
export const itemsPerCall = 5_000;

/** A venue as its next epoch begins. */
export interface OpenedVenue {
  /** True if the show was never open. */
  isFresh: boolean;
  seq: number;
  /** The fields of `venue:about`. */
  about: Record<string, string>;
  /** See stored-plan.ts. */
  plan: string;
  /** Ids of seats that the plan does not have any more. */
  removed: readonly string[];
  /** The content of `venue:holds`: by user, `<seat id>=<end in ms> …`. */
  holds: Record<string, string>;
}

type Call = RedisConnection['call'];

/**
 * One opening of a venue that has no epoch. Data read after its beginning stay true until another opening finishes.
 * Then this one writes nothing: that process may have sold seats since, and its epoch may have ended as well.
 */
export class RedisOpening {
  readonly #connection: RedisConnection;
  readonly #keys: VenueKeys;
  readonly #call: Call;
  readonly #id = randomUUID();

  static async begin(connection: RedisConnection, keys: VenueKeys, call: Call): Promise<RedisOpening> {
    const opening = new RedisOpening(connection, keys, call);
    await call(() => connection.redis.beginOpening(keys.openings, opening.#id));
    return opening;
  }

  private constructor(connection: RedisConnection, keys: VenueKeys, call: Call) {
    this.#connection = connection;
    this.#keys = keys;
    this.#call = call;
  }

  /** The lock of a hold does not replace another. */
  async writeLocks(locks: readonly (readonly [seatId: string, lock: Lock])[]): Promise<void> {
    for (const chunk of chunksOf(locks)) {
      const keys = [this.#keys.openings, ...chunk.map(([id]) => this.#keys.lock(id))];
      const args = chunk.flatMap(([, { userId, expiresAtMs = -1 }]) => [userId, expiresAtMs]);
      await this.#call(() => this.#connection.redis.writeLocks(keys.length, ...keys, this.#id, ...args));
    }
  }

  /** Writes these seats and the rest, and begins an epoch. False: another opening has finished first. */
  async finish(seats: readonly Seat[], { isFresh, seq, about, plan, removed, holds }: OpenedVenue): Promise<boolean> {
    const rest = JSON.stringify({ isFresh, about, holds, removed });
    const keys = [...this.#keys.all, this.#keys.ledger, this.#keys.openings];
    const chunks = seats.length === 0 ? [[]] : chunksOf(seats);
    for (const [index, chunk] of chunks.entries()) {
      const isLast = index === chunks.length - 1;
      const epoch = isLast ? `${this.#connection.run}-${randomUUID()}` : '';
      const pairs = chunk.flatMap((seat) => [seat.id, JSON.stringify(seat)]);
      const isWritten = await this.#call(() =>
        this.#connection.redis.writeVenue(...keys, epoch, seq, rest, isLast ? plan : '', this.#id, ...pairs),
      );
      if (isWritten === 0) return false;
    }
    return true;
  }
}

export function chunksOf<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let i = 0; i < items.length; i += itemsPerCall) chunks.push(items.slice(i, i + itemsPerCall));
  return chunks;
}
