import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { SeatStatus } from '../../src/protocol/seat-status.ts';
import type { RedisSeatStore } from '../../src/store/redis-seat-store.ts';
import { decideOn } from '../support/decide-on.ts';
import { NaiveSeatStore } from '../support/naive-seat-store.ts';
import { connectedStore } from '../support/redis-store.ts';
import { useRedis } from '../support/use-redis.ts';
import { book, expire, opened, release, select } from './contract-venue.ts';

const clients = Array.from({ length: 50 }, (_, i) => `user${i}`);
const seatIds = Array.from({ length: 20 }, (_, i) => `A${i + 1}`);

const redis = useRedis();
let processes: ReturnType<typeof connectedStore>[];
let stores: RedisSeatStore[];

beforeAll(() => {
  // A thousand calls at once, and a busy machine: only the result counts, not the time.
  const options = { url: redis.server.url, rows: 1, cols: seatIds.length, callTimeoutMs: 10_000 };
  processes = Array.from({ length: 10 }, () => connectedStore(options));
  stores = processes.map(({ store }) => store);
});
afterAll(() => {
  for (const { servers } of processes ?? []) servers.close();
});
beforeEach(async () => {
  for (const store of stores) await opened(store);
});

/** Records the users whose replies confirmed a seat: checks every race here, with the real store and with the naive one. */
class Winners {
  readonly #bySeat = new Map<string, string[]>();

  note(seatId: string, userId: string): void {
    this.#bySeat.set(seatId, [...(this.#bySeat.get(seatId) ?? []), userId]);
  }
  get soldTwice(): string[] {
    return [...this.#bySeat].filter(([, users]) => users.length > 1).map(([seatId]) => seatId);
  }
  get seatsWon(): number {
    return this.#bySeat.size;
  }
  of(seatId: string): string | undefined {
    return this.#bySeat.get(seatId)?.[0];
  }
}

const storeOf = (client: number) => stores[client % stores.length] as RedisSeatStore;
const inAnyOrder = <T>(list: readonly T[]): T[] =>
  list
    .map((item) => [Math.random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item);

describe('[G1] 50 clients race for the same seats', () => {
  test('every seat is held by exactly one of them, and booked only by that one', async () => {
    const known = await storeOf(0).open();
    const [holders, bookers] = [new Winners(), new Winners()];
    const race = (action: typeof select, winners: Winners) =>
      Promise.all(
        clients.flatMap((userId, client) =>
          inAnyOrder(seatIds).map(async (seatId) => {
            const { answers } = await decideOn(storeOf(client), seatId, [action(userId)], known);
            if (!answers[0]?.refusal) winners.note(seatId, userId);
          }),
        ),
      );
    await race(select, holders);
    expect(holders.soldTwice).toEqual([]);
    expect(holders.seatsWon).toBe(seatIds.length);
    await race(book, bookers);
    expect(bookers.soldTwice).toEqual([]);
    for (const seatId of seatIds) {
      expect(bookers.of(seatId)).toBe(holders.of(seatId));
      expect(await redis.admin.get(`seat:${seatId}:lock`)).toBe(holders.of(seatId));
    }
  });

  test('[R30] random selects, bookings, releases and expiring holds give a history in which every step is allowed', async () => {
    const known = await storeOf(0).open();
    const actions = [select, select, select, book, release, release];
    const toldBooked: { seatId: string; userId: string }[] = [];
    await Promise.all([
      ...clients.map(async (userId, client) => {
        for (let turn = 0; turn < 30; turn++) {
          const seatId = seatIds[Math.floor(Math.random() * seatIds.length)] as string;
          const action = actions[Math.floor(Math.random() * actions.length)] as typeof select;
          const commands = turn % 7 === 0 ? [expire, action(userId)] : [action(userId)];
          const { answers } = await decideOn(storeOf(client), seatId, commands, known);
          if (action === book && !answers.at(-1)?.refusal) toldBooked.push({ seatId, userId });
        }
      }),
      (async () => {
        // A hold may expire at any moment, a booking never does.
        for (let i = 0; i < 200; i++) {
          const lockKey = `seat:${seatIds[i % seatIds.length]}:lock`;
          if ((await redis.admin.ttl(lockKey)) !== -1) await redis.admin.pexpire(lockKey, 0);
        }
      })(),
    ]);
    const { events } = await storeOf(0).eventsAfter(known, 100_000);
    const { seats } = await storeOf(0).open();
    expect(forbiddenSteps(events ?? [])).toEqual([]);
    expect(events?.map(({ seq }) => seq)).toEqual(events?.map((_, i) => i + 1));
    for (const { id, status, held_by, seq } of seats) {
      const last = events?.findLast((event) => event.seat_id === id);
      expect([status, held_by, seq]).toEqual([
        last?.status ?? SeatStatus.available,
        last && last.type !== 'released' ? last.user_id : undefined,
        last?.seq ?? 0,
      ]);
    }
    expect(toldBooked.length, 'there was something to go wrong').toBeGreaterThan(0);
    for (const { seatId, userId } of toldBooked) {
      expect(seats.find(({ id }) => id === seatId)).toMatchObject({ status: SeatStatus.booked, held_by: userId });
    }
  });
});

/** A seat goes from available to held, and from held to available or booked. */
function forbiddenSteps(events: readonly SeatEvent[]): string[] {
  const owners = new Map<string, { userId: string; booked: boolean }>();
  const forbidden: string[] = [];
  for (const { type, seat_id, user_id, seq } of events) {
    const owner = owners.get(seat_id);
    const allowed = type === 'held' ? !owner : owner?.userId === user_id && !owner.booked;
    if (!allowed) forbidden.push(`${seq}: ${seat_id} ${type} ${user_id}, was ${JSON.stringify(owner)}`);
    if (type === 'released') owners.delete(seat_id);
    else owners.set(seat_id, { userId: user_id, booked: type === 'booked' });
  }
  return forbidden;
}

describe('the control: separate reads and writes', () => {
  /** Blocks all callers until every one has arrived. */
  function barrier(parties: number): () => Promise<void> {
    let come = 0;
    let open = () => {};
    const opening = new Promise<void>((resolve) => {
      open = resolve;
    });
    return () => {
      if (++come === parties) open();
      return opening;
    };
  }

  test('[G1] are detected: they sell every seat many times', async () => {
    const connections = stores.map(() => new Redis(redis.server.url));
    const [holders, bookers] = [new Winners(), new Winners()];
    try {
      for (const seatId of seatIds) {
        const allHaveRead = barrier(clients.length);
        await Promise.all(
          clients.map(async (userId, client) => {
            const connection = connections[client % connections.length] as Redis;
            if (await new NaiveSeatStore(connection, allHaveRead).select(seatId, userId)) holders.note(seatId, userId);
          }),
        );
      }
      expect(holders.soldTwice).toEqual(seatIds);

      // Sold to two users: the second reads its lock before the hold expires, and writes after another has booked.
      let comesBetween = async () => {};
      const slow = new NaiveSeatStore(redis.admin, () => comesBetween());
      const quick = new NaiveSeatStore(redis.admin, async () => {});
      comesBetween = async () => {
        await redis.admin.del('seat:A1:lock');
        await redis.admin.hset('venue:seats', 'A1', JSON.stringify({ id: 'A1', row: 0, col: 0, status: 0, seq: 0 }));
        await quick.select('A1', 'quick');
        if (await quick.book('A1', 'quick')) bookers.note('A1', 'quick');
      };
      const holder = (await redis.admin.get('seat:A1:lock')) as string;
      if (await slow.book('A1', holder)) bookers.note('A1', holder);
      expect(bookers.soldTwice).toEqual(['A1']);
    } finally {
      for (const connection of connections) connection.disconnect();
    }
  });

  test('[G1] a history in which a booked seat changes hands is detected', () => {
    const event = (seq: number, type: SeatEvent['type'], user_id: string): SeatEvent => ({
      type,
      seat_id: 'A1',
      user_id,
      status: type === 'held' ? 1 : type === 'booked' ? 2 : 0,
      timestamp: '2023-11-14T22:13:20.000Z',
      epoch: 'e1',
      seq,
    });
    const allowed = [event(1, 'held', 'a'), event(2, 'released', 'a'), event(3, 'held', 'b'), event(4, 'booked', 'b')];
    expect(forbiddenSteps(allowed)).toEqual([]);
    expect(forbiddenSteps([...allowed, event(5, 'held', 'c')])).toHaveLength(1);
    expect(forbiddenSteps([...allowed, event(5, 'released', 'b')])).toHaveLength(1);
    expect(forbiddenSteps([event(1, 'held', 'a'), event(2, 'booked', 'b')])).toHaveLength(1);
    expect(forbiddenSteps([event(1, 'held', 'a'), event(2, 'held', 'b')])).toHaveLength(1);
  });
});
