import { expect, test } from 'vitest';
import { openSession, renewInMs } from '../../src/browser/session.ts';

const session = { user_id: 'u_alice', expires_at: 2_000, token: 't' };

test('[R99] a session is asked for until there is one: no line, an error and a limit are only reasons to wait', async () => {
  const answers = [
    () => Promise.reject(new TypeError('fetch failed')),
    () => Promise.resolve(new Response('', { status: 503 })),
    () => Promise.resolve(new Response('', { status: 429 })),
    () => Promise.resolve(Response.json(session)),
  ];
  const pausesMs: number[] = [];
  const asked: unknown[] = [];
  const ask = (...request: unknown[]) => {
    asked.push(request);
    return (answers[asked.length - 1] as () => Promise<Response>)();
  };
  const opened = await openSession(ask, async (ms) => void pausesMs.push(ms));
  expect(opened).toEqual(session);
  expect(asked).toEqual(new Array(4).fill(['/api/session', { method: 'POST' }]));
  expect(pausesMs).toEqual([1_000, 1_000, 1_000]);
});

test('[R99] it is renewed when half of it is over, and never without a pause', () => {
  expect(renewInMs(session, 1_000_000)).toBe(500_000);
  expect(renewInMs(session, 1_999_000)).toBe(60_000);
  expect(renewInMs({ ...session, expires_at: 1e12 }, 0)).toBeLessThan(2 ** 31);
});
