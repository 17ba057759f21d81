import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type PendingRequest, PendingRequests, replyTimeoutMs } from '../../src/browser/pending-requests.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function startRequests() {
  const timedOut: PendingRequest[] = [];
  return { timedOut, requests: new PendingRequests((request) => timedOut.push(request)) };
}

test('[R97] at most one per seat; each has its own id', () => {
  const { requests } = startRequests();
  const [first] = requests.open('select', ['A1']);
  const [other] = requests.open('select', ['A2']);
  expect(requests.open('book', ['A1'])).toEqual([]);
  expect(other?.id).not.toBe(first?.id);
  expect(requests.isPending('A1')).toBe(true);
  expect(requests.settle(first?.id)).toBe(first);
  expect(requests.settle(first?.id)).toBeUndefined();
  expect(requests.settle(undefined)).toBeUndefined();
  expect([requests.isPending('A1'), requests.isPending('A2')]).toEqual([false, true]);
  expect(requests.open('book', ['A1'])[0]?.id).not.toBe(first?.id);
});

test('[R480] several seats are one request, without those that are busy', () => {
  const { requests } = startRequests();
  requests.open('select', ['A2']);
  const opened = requests.open('book', ['A1', 'A2', 'A3']);
  expect(opened).toMatchObject([{ action: 'book', seatIds: ['A1', 'A3'], part: 0 }]);
  expect(['A1', 'A3'].map((id) => requests.isPending(id))).toEqual([true, true]);
  requests.settle(opened[0]?.id);
  expect(['A1', 'A2', 'A3'].map((id) => requests.isPending(id))).toEqual([false, true, false]);
});

test('[R480] more seats than one command may have are split into several', () => {
  const { requests } = startRequests();
  const ids = Array.from({ length: 41 }, (_, n) => `A${n + 1}`);
  const opened = requests.open('release', ids);
  expect(opened.map(({ seatIds }) => seatIds.length)).toEqual([20, 20, 1]);
  expect(opened.flatMap(({ seatIds }) => seatIds)).toEqual(ids);
  expect(opened.map(({ part }) => part)).toEqual([0, 1, 2]);
  expect(new Set(opened.map(({ id }) => id)).size).toBe(3);
});

test('[R97] a request without a reply within 5 s is reported once, and its seats are free again', () => {
  const { requests, timedOut } = startRequests();
  const [request] = requests.open('book', ['A1', 'A2']);
  vi.advanceTimersByTime(replyTimeoutMs - 1);
  expect(timedOut).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(timedOut).toEqual([request]);
  expect(requests.settle(request?.id)).toBeUndefined();
  expect(requests.open('book', ['A1'])).toHaveLength(1);
});

test('[R97] a settled or abandoned request does not time out', () => {
  const { requests, timedOut } = startRequests();
  requests.settle(requests.open('select', ['A1'])[0]?.id);
  requests.open('select', ['A2']);
  requests.open('release', ['A3', 'A4']);
  expect(requests.abandonAll().map(({ seatIds }) => seatIds)).toEqual([['A2'], ['A3', 'A4']]);
  expect(requests.abandonAll()).toEqual([]);
  vi.advanceTimersByTime(replyTimeoutMs * 2);
  expect(timedOut).toEqual([]);
  expect(requests.isPending('A2')).toBe(false);
});
