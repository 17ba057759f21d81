import { connect } from '@nats-io/transport-node';
import { fastify } from 'fastify';
import { Redis } from 'ioredis';
import type { UserAction } from '../../src/protocol/commands.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { Seat as NumberedSeat } from '../../src/protocol/seat.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { setting } from './settings.ts';

/**
 * The plan in its simplest form: a separate call to Redis for each value that it reads or changes, and HGETALL per read.
 * It double-sells seats, as test/support/naive-seat-store.ts shows; here it is only measured.
 */
const redis = new Redis(setting('REDIS_URL'), { keyPrefix: 'naive:' });
const nats = await connect({ servers: setting('NATS_URL') });
const holdSeconds = Number(setting('HOLD_SECONDS'));
const layout = { rows: Number(setting('VENUE_ROWS')), cols: Number(setting('VENUE_COLS')) };

for (const seat of emptySeats(gridPlan(layout))) void redis.hset('venue:seats', seat.id, JSON.stringify(seat));
await redis.ping();

type Seat = Omit<NumberedSeat, 'seq'>;
type Attempt = (seat: Seat, userId: string) => Promise<Seat | undefined>;

const attempts: Record<UserAction, Attempt> = {
  async select(seat, userId) {
    if (seat.status !== 0 || (await redis.get(`seat:${seat.id}:lock`)) !== null) return undefined;
    await redis.set(`seat:${seat.id}:lock`, userId, 'EX', Math.ceil(holdSeconds));
    setTimeout(() => void expire(seat.id, userId), holdSeconds * 1000);
    return change(seat, 'held', { status: 1, held_by: userId, expires_at: Date.now() / 1000 + holdSeconds }, userId);
  },
  async book(seat, userId) {
    if ((await redis.get(`seat:${seat.id}:lock`)) !== userId || seat.status !== 1) return undefined;
    await redis.persist(`seat:${seat.id}:lock`);
    return change(seat, 'booked', { status: 2, held_by: userId }, userId);
  },
  async release(seat, userId) {
    if ((await redis.get(`seat:${seat.id}:lock`)) !== userId || seat.status !== 1) return undefined;
    await redis.del(`seat:${seat.id}:lock`);
    return change(seat, 'released', { status: 0 }, userId);
  },
};

async function expire(seatId: string, userId: string): Promise<void> {
  const seat = await read(seatId);
  if (seat?.status === 1 && seat.held_by === userId) await change(seat, 'released', { status: 0 }, userId);
}

async function read(seatId: string): Promise<Seat | undefined> {
  const json = await redis.hget('venue:seats', seatId);
  return json === null ? undefined : parse(json);
}

/** Unchecked, as in a first version. */
const parse = (json: string): Seat => JSON.parse(json);

async function change(
  { id, row, col }: Seat,
  type: SeatEvent['type'],
  state: Pick<Seat, 'status' | 'held_by' | 'expires_at'>,
  userId: string,
): Promise<Seat> {
  const seat = { id, row, col, ...state };
  await redis.hset('venue:seats', id, JSON.stringify(seat));
  const event = { type, seat_id: id, user_id: userId, timestamp: new Date().toISOString(), ...state };
  nats.publish(`seats.${type}`, JSON.stringify(event));
  return seat;
}

const app = fastify({ logger: false });
app.get('/ready', async () => ({ status: 'ok' }));
app.get('/api/seats', async () => {
  const seats = Object.values(await redis.hgetall('venue:seats')).map(parse);
  return seats.sort((a, b) => a.row - b.row || a.col - b.col);
});
for (const [action, attempt] of Object.entries(attempts)) {
  app.post<{ Body: { seat_id: string; user_id: string } }>(`/api/seats/${action}`, async ({ body }, reply) => {
    const seat = await read(body.seat_id);
    if (!seat) return reply.status(404).send({ success: false });
    const changed = await attempt(seat, body.user_id);
    if (changed) return { success: true, seat: changed };
    return reply
      .status(409)
      .send({ success: false, error: { code: 'SEAT_HELD', message: 'Another user holds this seat' }, seat });
  });
}
await app.listen({ host: '127.0.0.1', port: Number(setting('PORT')) });
