import type { Redis } from 'ioredis';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat } from '../../src/protocol/seat.ts';

/** The venue in Redis at one moment: the seats, and the log that led to them. */
export interface VenueRecord {
  epoch: string;
  seq: number;
  seats: Map<string, Seat>;
  events: SeatEvent[];
}

type Entry = [id: string, fields: string[]];

/** In one transaction. With `flush`, Redis loses everything in the same instant. `prefix`: of the keys of the show. */
export async function readVenueRecord(redis: Redis, { flush = false, prefix = '' } = {}): Promise<VenueRecord> {
  const transaction = redis
    .multi()
    .get(`${prefix}venue:epoch`)
    .get(`${prefix}venue:seq`)
    .hgetall(`${prefix}venue:seats`)
    .xrange(`${prefix}venue:events`, '-', '+');
  if (flush) transaction.flushall();
  const replies = await transaction.exec();
  const [epoch, seq, seats, entries] = (replies ?? []).map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
  const parsed = Object.entries(seats as Record<string, string>).map(
    ([id, json]) => [id, JSON.parse(json) as Seat] as const,
  );
  return {
    epoch: String(epoch ?? ''),
    seq: Number(seq ?? 0),
    seats: new Map(parsed),
    events: (entries as Entry[]).map(decodeEntry),
  };
}

/** Independent of the product's own decoding, which it checks. */
function decodeEntry([id, fields]: Entry): SeatEvent {
  const field = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) field.set(fields[i] as string, fields[i + 1] as string);
  const seq = Number(field.get('seq'));
  if (id !== `${seq}-0`) throw new Error(`The entry ${id} of the log says that it is ${seq}`);
  const expiresMs = field.get('expires_ms');
  const reason = field.get('reason');
  return {
    type: field.get('type') as SeatEvent['type'],
    seat_id: field.get('seat_id') as string,
    user_id: field.get('user_id') as string,
    status: Number(field.get('status')) as SeatEvent['status'],
    timestamp: new Date(Number(field.get('at_ms'))).toISOString(),
    epoch: field.get('epoch') as string,
    seq,
    ...(expiresMs !== undefined && { expires_at: Number(expiresMs) / 1000 }),
    ...(reason !== undefined && { reason: reason as 'user' | 'expired' }),
  };
}
