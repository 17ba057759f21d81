import { describe, expect, onTestFinished, test } from 'vitest';
import { RedisSandboxStore } from '../../src/orders/sandbox/redis-sandbox-store.ts';
import { MemorySandboxStore, type SandboxPayment, type SandboxStore } from '../../src/orders/sandbox/sandbox-store.ts';
import { connectedStore } from '../support/redis-store.ts';
import { useRedis } from '../support/use-redis.ts';
import { opened } from './contract-venue.ts';

const redis = useRedis();

const payment: SandboxPayment = {
  reference: 'sb_1',
  orderId: 'o1',
  attempt: 1,
  amountMinor: 700,
  currency: 'EUR',
  description: 'gala: A1',
  payUntilMs: 1_700_000_000_000,
  state: 'pending',
  capturedMinor: 0,
  refundedMinor: 0,
  version: 0,
};

async function redisStores(): Promise<SandboxStore[]> {
  return Promise.all(
    [1, 2].map(async () => {
      const { connection, store } = connectedStore({ url: redis.server.url });
      onTestFinished(() => connection.close());
      await opened(store);
      return new RedisSandboxStore(connection, 'p:');
    }),
  );
}

async function memoryStores(): Promise<SandboxStore[]> {
  const store = new MemorySandboxStore();
  return [store, store];
}

describe.each([
  ['in Redis', redisStores],
  ['in memory', memoryStores],
])('[R753] the payments of the sandbox %s', (_where, stores) => {
  test('are the same for every process, and are added once', async () => {
    const [one, other] = (await stores()) as [SandboxStore, SandboxStore];
    expect(await one.get('sb_1')).toBeUndefined();
    expect(await one.add(payment)).toEqual(payment);
    expect(await other.add({ ...payment, amountMinor: 1 })).toEqual(payment);
    expect(await other.get('sb_1')).toEqual(payment);
  });

  test('change once from each version', async () => {
    const [one, other] = (await stores()) as [SandboxStore, SandboxStore];
    await one.add(payment);
    const paid = { ...payment, state: 'authorised', version: 1 } as const;
    const ended = { ...payment, state: 'cancelled', version: 1 } as const;
    const replaced = await Promise.all([one.replace(paid), other.replace(ended)]);
    expect(replaced.filter(Boolean)).toHaveLength(1);
    expect(await one.get('sb_1')).toEqual(replaced[0] ? paid : ended);
    expect(await one.replace({ ...paid, reference: 'sb_2' })).toBe(false);
  });
});
