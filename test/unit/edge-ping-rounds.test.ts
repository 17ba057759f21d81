import { expect, test } from 'vitest';
import { PingRounds } from '../../src/edge/ping-rounds.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const intervalMs = 6_000;

function setUp(count: number) {
  const clock = new VirtualClock();
  const clients = new Set(Array.from({ length: count }, () => ({ ping: () => {} })));
  const pingedAtMs = new Map<object, number[]>();
  const join = (client: { ping(): void }) => {
    client.ping = () => pingedAtMs.set(client, [...(pingedAtMs.get(client) ?? []), clock.nowMs()]);
    clients.add(client);
  };
  for (const client of clients) join(client);
  const rounds = new PingRounds({ clients, intervalMs, clock });
  return { clock, clients, pingedAtMs, join, rounds };
}

const gapsMs = (timesMs: readonly number[]) => timesMs.slice(1).map((atMs, i) => atMs - (timesMs[i] as number));

test('[R810] pings are spread evenly over the interval, and each client gets one per round', () => {
  const { clock, pingedAtMs } = setUp(600);
  for (let ms = 0; ms < 5 * intervalMs; ms += 100) clock.increment(100);
  const all = [...pingedAtMs.values()];
  expect(all).toHaveLength(600);
  for (const timesMs of all) {
    expect(timesMs.length).toBeGreaterThanOrEqual(4);
    for (const gapMs of gapsMs(timesMs)) {
      expect(gapMs).toBeGreaterThanOrEqual(intervalMs);
      expect(gapMs).toBeLessThanOrEqual(intervalMs * 1.1);
    }
  }
  const perStep = new Map<number, number>();
  for (const atMs of all.flat()) perStep.set(atMs, (perStep.get(atMs) ?? 0) + 1);
  expect(Math.max(...perStep.values())).toBe(10);
});

test('[R810] whoever comes or leaves, nobody is pinged again sooner than after the interval', () => {
  const { clock, clients, pingedAtMs, join } = setUp(600);
  for (let ms = 0; ms < 10 * intervalMs; ms += 100) {
    clock.increment(100);
    if (ms === 4_000) for (const client of [...clients].slice(0, 590)) clients.delete(client);
    if (ms === 20_000) for (let n = 0; n < 300; n++) join({ ping: () => {} });
  }
  for (const client of clients) {
    const timesMs = pingedAtMs.get(client) ?? [];
    expect(timesMs.length).toBeGreaterThan(4);
    for (const gapMs of gapsMs(timesMs)) expect(gapMs).toBeGreaterThanOrEqual(intervalMs);
    for (const gapMs of gapsMs(timesMs)) expect(gapMs).toBeLessThanOrEqual(2.1 * intervalMs);
  }
});

test('[R810] nothing is pinged after the end', () => {
  const { clock, pingedAtMs, rounds } = setUp(10);
  rounds.close();
  clock.increment(3 * intervalMs);
  expect(pingedAtMs.size).toBe(0);
});
