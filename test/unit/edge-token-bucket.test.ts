import { expect, test } from 'vitest';
import { TokenBucket } from '../../src/edge/token-bucket.ts';

test('[R286] a token bucket allows a burst, then its rate, and saves at most a burst', () => {
  let nowMs = 0;
  const bucket = new TokenBucket({ perSecond: 2, burst: 3 }, () => nowMs);
  const taken = () => [1, 2, 3, 4].filter(() => bucket.take()).length;
  expect(taken()).toBe(3);
  nowMs += 499;
  expect(taken()).toBe(0);
  nowMs += 1;
  expect(taken()).toBe(1);
  nowMs += 60_000;
  expect(taken()).toBe(3);
});
