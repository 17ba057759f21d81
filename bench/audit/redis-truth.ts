import { Redis } from 'ioredis';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import { LogLostError, type VenueRecord, type VenueTruth } from './venue-truth.ts';

const entriesPerRead = 2_000;
const keysPerRead = 5_000;
type Entry = [id: string, fields: string[]];

/** Decodes Redis's data independently of the product's code, which it checks. */
export class RedisTruth implements VenueTruth {
  readonly source = 'Redis';
  readonly #redis: Redis;

  constructor(url: string, keyPrefix: string) {
    this.#redis = new Redis(url, { keyPrefix, maxRetriesPerRequest: 1, lazyConnect: true });
  }

  /**
   * The user `viewer` has no right to use MULTI. Redis executes a pipeline that arrives in one packet without a pause;
   * if an event is committed in between nevertheless, the reads are repeated.
   */
  async record(): Promise<VenueRecord> {
    const position = ['venue:epoch', 'venue:seq'];
    for (;;) {
      const reads = this.#redis.pipeline().mget(position).hgetall('venue:seats').time().mget(position);
      const [before, seats, time, after] = ((await reads.exec()) ?? []).map(([error, reply]) => {
        if (error) throw error;
        return reply;
      }) as [string[], Record<string, string>, [string, string], string[]];
      if (String(before) !== String(after)) continue;
      return {
        epoch: String(before[0]),
        seq: Number(before[1]),
        seats: new Map(Object.entries(seats).map(([id, json]) => [id, JSON.parse(json) as Seat])),
        nowMs: Number(time[0]) * 1000 + Number(time[1]) / 1000,
      };
    }
  }

  async eventsAfter({ seq }: { seq: number }): Promise<SeatEvent[]> {
    const events: SeatEvent[] = [];
    for (let next = seq + 1; ; ) {
      const entries = (await this.#redis.xrange('venue:events', `${next}-0`, '+', 'COUNT', entriesPerRead)) as Entry[];
      for (const entry of entries) events.push(decodeEntry(entry));
      const newest = events.at(-1)?.seq ?? seq;
      if (entries[0] && entries[0][0] !== `${next}-0`) throw new LogLostError(`The log in Redis lacks seq ${next}`);
      if (entries.length < entriesPerRead) return events;
      next = newest + 1;
    }
  }

  async lockMismatches(): Promise<string[]> {
    const seats = [...(await this.record()).seats.values()];
    const mismatches: string[] = [];
    for (let i = 0; i < seats.length; i += keysPerRead) {
      const page = seats.slice(i, i + keysPerRead);
      const users = await this.#redis.mget(page.map(({ id }) => `seat:${id}:lock`));
      page.forEach((seat, index) => {
        const expected = seat.status === SeatStatus.available ? null : (seat.held_by ?? null);
        if (users[index] === expected) return;
        mismatches.push(`${JSON.stringify(seat)}: its lock belongs to ${users[index]}`);
      });
    }
    return mismatches;
  }

  async close(): Promise<void> {
    this.#redis.disconnect();
  }
}

function decodeEntry([id, fields]: Entry): SeatEvent {
  const field = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) field.set(fields[i] as string, fields[i + 1] as string);
  const expiresMs = field.get('expires_ms');
  const reason = field.get('reason');
  return {
    type: field.get('type') as SeatEvent['type'],
    seat_id: field.get('seat_id') as string,
    user_id: field.get('user_id') as string,
    status: Number(field.get('status')) as SeatEvent['status'],
    timestamp: new Date(Number(field.get('at_ms'))).toISOString(),
    epoch: field.get('epoch') as string,
    seq: Number(id.slice(0, id.indexOf('-'))),
    ...(expiresMs !== undefined && { expires_at: Number(expiresMs) / 1000 }),
    ...(reason !== undefined && { reason: reason as 'user' | 'expired' }),
  };
}
