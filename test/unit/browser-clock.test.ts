import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { msUntilNextSecond, ServerClock, secondsLeft } from '../../src/browser/server-clock.ts';
import { held, serverTime, startSeatActions } from './browser-fixture.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('[R96] follows the clock of the server, by elapsed local time', () => {
  let nowMs = 123_456;
  const clock = new ServerClock(() => nowMs);
  clock.set(serverTime);
  expect(clock.msUntil(serverTime + 30)).toBe(30_000);
  nowMs += 12_345;
  expect(clock.msUntil(serverTime + 30)).toBe(17_655);
  clock.set(serverTime + 20);
  expect(clock.msUntil(serverTime + 30)).toBe(10_000);
  clock.set(serverTime - 20);
  expect(clock.msUntil(serverTime + 30)).toBe(50_000);
});

test('[R324] the shortest round trip counts until it is too old', () => {
  let nowMs = 0;
  const clock = new ServerClock(() => nowMs);
  /** At 0 ms the server's time is `serverTime`; the request takes `outMs`, its reply `backMs`. */
  const reply = (outMs: number, backMs: number) => {
    const serverMs = nowMs + outMs;
    nowMs = serverMs + backMs;
    clock.sample(serverTime + serverMs / 1000, outMs + backMs);
  };
  const errorMs = () => Math.abs(clock.msUntil(serverTime + 100) - (100_000 - nowMs));
  reply(500, 100);
  expect(errorMs()).toBeCloseTo(200);
  reply(20, 10);
  expect(errorMs()).toBeCloseTo(5);
  reply(900, 100);
  expect(errorMs()).toBeCloseTo(5);
  nowMs += 3_600_000;
  reply(100, 0);
  expect(errorMs()).toBeCloseTo(50);
});

test('[R324] a step of either clock is adopted with the next reply; a difference within the round trip is not a step', () => {
  let nowMs = 0;
  let serverMs = serverTime * 1000;
  const clock = new ServerClock(() => nowMs);
  const reply = (roundTripMs: number) => {
    nowMs += roundTripMs;
    serverMs += roundTripMs;
    clock.sample((serverMs - roundTripMs / 2) / 1000, roundTripMs);
  };
  const errorMs = () => Math.abs(clock.msUntil(serverTime) - (serverTime * 1000 - serverMs));
  reply(20);
  for (const stepMs of [90_000, -90_000, 2_000, -1_000]) {
    serverMs += stepMs; // the server's clock was set, or this device slept
    reply(20);
    expect(errorMs()).toBeLessThan(20);
  }
  clock.sample(serverMs / 1000 - 1, 2_000);
  expect(errorMs()).toBeLessThan(20);
});

test('[R324] a delayed message does not set a measured clock back', () => {
  let nowMs = 0;
  const clock = new ServerClock(() => nowMs);
  clock.sample(serverTime, 20);
  nowMs += 10_000;
  clock.set(serverTime);
  expect(clock.msUntil(serverTime + 30)).toBeCloseTo(19_990);
  clock.set(serverTime + 70);
  expect(clock.msUntil(serverTime + 30)).toBe(-40_000);
});

test.each([
  [30_000, 30, 1_000],
  [29_999, 30, 999],
  [29_001, 30, 1],
  [29_000, 29, 1_000],
  [1, 1, 1],
  [0, 0, undefined],
  [-5_000, 0, undefined],
])('[R96] with %i ms left the page shows %i s, for %s ms', (remainingMs, shown, forMs) => {
  expect(secondsLeft(remainingMs)).toBe(shown);
  expect(msUntilNextSecond(remainingMs)).toBe(forMs);
});

test('[R96] a wall clock that is wrong or jumps has no effect', () => {
  const clock = new ServerClock(() => 1_000);
  clock.set(serverTime);
  vi.setSystemTime(4_000_000_000_000);
  expect(clock.msUntil(serverTime + 30)).toBe(30_000);
});

test('[R324] a hold is no evidence of the time: HOLD_SECONDS may have changed since the page was opened', () => {
  const { update, ack, actions, clock } = startSeatActions();
  update(held('A2', 1, 'bob', serverTime + 120));
  actions.clickSeat('A1');
  ack(held('A1', 2, 'alice', serverTime + 120));
  expect(clock.msUntil(serverTime + 120)).toBe(120_000);
});

test('[R324] the reply to a PING corrects the time and the settings of an open page', () => {
  const { actions, clock, pass } = startSeatActions();
  pass(3_000);
  actions.learnSettings({ server_time: serverTime + 63, hold_seconds: 120, max_holds: 2 }, 20);
  expect(clock.msUntil(serverTime + 123)).toBeCloseTo(59_990);
  expect([actions.venue.holdSeconds, actions.venue.maxHolds]).toEqual([120, 2]);
  actions.learnSettings({}, 20);
  expect([actions.venue.holdSeconds, actions.venue.maxHolds]).toEqual([120, 2]);
});

test('[R96] a countdown that is drawn on time shows every second once', () => {
  const shown: number[] = [];
  let remainingMs = 3_456.7;
  for (let next = msUntilNextSecond(remainingMs); next !== undefined; next = msUntilNextSecond(remainingMs)) {
    shown.push(secondsLeft(remainingMs));
    remainingMs = Number((remainingMs - next).toFixed(3));
  }
  expect([...shown, secondsLeft(remainingMs)]).toEqual([4, 3, 2, 1, 0]);
});
