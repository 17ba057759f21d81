import { expect, test } from 'vitest';
import { PingRounds } from '../../src/edge/ping-rounds.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const intervalMs = 6_000;

function setUp(count: number) {
  const clock = new VirtualClock();
  const rounds = new PingRounds({ intervalMs, clock });
  const pingedAtMs = new Map<{ ping(): void }, number[]>();
  const join = () => {
    const client = { ping: () => pingedAtMs.get(client)?.push(clock.nowMs()) };
    pingedAtMs.set(client, []);
    rounds.add(client);
  };
  for (let n = 0; n < count; n++) join();
  return { clock, pingedAtMs, join, rounds };
}

const gapsMs = (timesMs: readonly number[]) => timesMs.slice(1).map((atMs, i) => atMs - (timesMs[i] as number));

test('[R810] pings are spread evenly over the interval, and each client gets one per round', () => {
  const { clock, pingedAtMs } = setUp(600);
  for (let ms = 0; ms < 5 * intervalMs; ms += 100) clock.increment(100);
  const all = [...pingedAtMs.values()];
  expect(all).toHaveLength(600);
  for (const timesMs of all) {
    expect(timesMs.length).toBeGreaterThanOrEqual(4);
    for (const gapMs of gapsMs(timesMs)) expect(gapMs).toBeCloseTo(intervalMs);
  }
  const perStep = new Map<number, number>();
  for (const atMs of all.flat()) perStep.set(atMs, (perStep.get(atMs) ?? 0) + 1);
  expect(Math.max(...perStep.values())).toBe(10);
});

test('[R810] clients that join or leave do not change the time between two pings of another', () => {
  const { clock, pingedAtMs, join, rounds } = setUp(600);
  const left = [...pingedAtMs.keys()].slice(0, 590);
  for (let ms = 0; ms < 10 * intervalMs; ms += 100) {
    clock.increment(100);
    if (ms === 4_000) for (const client of left) rounds.remove(client);
    if (ms === 20_000) for (let n = 0; n < 300; n++) join();
  }
  for (const client of left) expect(pingedAtMs.get(client)?.length).toBeLessThanOrEqual(1);
  for (const client of left) pingedAtMs.delete(client);
  expect(pingedAtMs.size).toBe(310);
  for (const timesMs of pingedAtMs.values()) {
    expect(timesMs.length).toBeGreaterThan(4);
    for (const gapMs of gapsMs(timesMs)) expect(gapMs).toBeCloseTo(intervalMs);
  }
});

test('[R810] nothing is pinged after the end', () => {
  const { clock, pingedAtMs, rounds } = setUp(10);
  rounds.close();
  clock.increment(3 * intervalMs);
  expect([...pingedAtMs.values()].flat()).toEqual([]);
});

test('[R810] a ping that ends the rounds is the last one', () => {
  const { clock, pingedAtMs, rounds } = setUp(60);
  rounds.add({ ping: () => rounds.close() });
  for (let ms = 0; ms < 3 * intervalMs; ms += 100) clock.increment(100);
  // The added client shares the first slot.
  expect([...pingedAtMs.values()].flat()).toHaveLength(1);
});
