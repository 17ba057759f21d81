import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { retryAfterMs } from '../../src/browser/retry-after.ts';
import { PageSession, renewInMs } from '../../src/browser/session.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const json = (body: object, status = 200, headers: Record<string, string> = {}) =>
  Response.json(body, { status, headers });
const refusal = (status: number, headers: Record<string, string> = {}) => new Response('', { status, headers });

/** A page with a server that is the test: `POST` and `GET` of /api/session. */
function startSession({
  post,
  get = () => json({ user_id: 'u_alice' }),
  random = 0,
}: {
  post: (nth: number, request: RequestInit) => Response | Promise<Response>;
  get?: (request: RequestInit) => Response | Promise<Response>;
  random?: number;
}) {
  const posts: { atMs: number; request: RequestInit }[] = [];
  const users: [string, string | undefined][] = [];
  const refused: (number | undefined)[] = [];
  let cookiesBlocked = 0;
  const session = new PageSession({
    fetch: async (_url, request = {}) => {
      if (request.method !== 'POST') return get(request);
      posts.push({ atMs: performance.now(), request });
      return post(posts.length, request);
    },
    monotonicMs: () => performance.now(),
    random: () => random,
    onBegun: () => {},
    onSession: (userId, previous) => users.push([userId, previous]),
    onRefused: ({ status }) => refused.push(status),
    onCookiesBlocked: () => {
      cookiesBlocked++;
    },
  });
  void session.begin();
  /** Enough time for replies, not for retries. */
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await vi.advanceTimersByTimeAsync(0);
  };
  return { session, posts, users, refused, settle, cookiesBlocked: () => cookiesBlocked };
}

const good = () => json({ user_id: 'u_alice', expires_in: 7_200 });

test('[R99] a session is requested until there is one: no connection, an error or invalid JSON cause a retry', async () => {
  const answers = [
    () => Promise.reject(new TypeError('fetch failed')),
    () => refusal(503),
    () => new Response('<p>'),
    good,
  ];
  const run = startSession({ post: (nth) => (answers[nth - 1] as () => Response)() });
  await run.settle();
  expect(run.session.refusal?.status).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(run.session.refusal?.status).toBe(503);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(run.users).toEqual([['u_alice', undefined]]);
  expect(run.session).toMatchObject({ isReady: true, token: undefined, refusal: undefined });
  expect(run.posts[0]?.request.body, 'no token is asked for').toBeUndefined();
  expect(run.posts.map(({ atMs }, i) => atMs - (run.posts[i - 1]?.atMs ?? atMs))).toEqual([0, 1_000, 2_000, 4_000]);
});

test.each([0, 0.5, 0.999])(
  '[R323] Retry-After is respected, with jitter %d: never earlier, at most a quarter later',
  async (random) => {
    const run = startSession({ post: (nth) => (nth < 3 ? refusal(429, { 'retry-after': '58' }) : good()), random });
    await run.settle();
    expect(run.refused).toEqual([429]);
    const waitMs = (run.session.refusal?.retryAtMs ?? 0) - performance.now();
    expect(waitMs).toBeCloseTo(58_000 * (1 + random / 4), -1);
    run.session.retry();
    run.session.serverReplied();
    await vi.advanceTimersByTimeAsync(57_999);
    expect(run.posts, 'nobody gets round the wait').toHaveLength(1);
    await vi.advanceTimersByTimeAsync(150_000);
    expect(run.users).toHaveLength(1);
  },
);

test('[R323] without Retry-After a 429 waits 10 s, a 403 a minute; the user may end the wait of a 403', async () => {
  const limited = startSession({ post: () => refusal(429) });
  await vi.advanceTimersByTimeAsync(9_999);
  expect(limited.posts).toHaveLength(1);
  const forbidden = startSession({ post: () => refusal(403) });
  await vi.advanceTimersByTimeAsync(59_999);
  expect(forbidden.posts).toHaveLength(1);
  forbidden.session.retry();
  await forbidden.settle();
  expect(forbidden.posts).toHaveLength(2);
});

test('[R325] blocked cookies are detected and reported once; a requested token keeps the user', async () => {
  const run = startSession({
    post: (nth, { headers }) => {
      const { authorization } = (headers ?? {}) as { authorization?: string };
      if (authorization) return json({ user_id: 'u_2', token: `t${nth}`, expires_in: 7_200 });
      return json({ user_id: `u_${nth}`, expires_in: 7_200, ...(nth > 1 && { token: 't2' }) });
    },
    get: () => refusal(401),
  });
  await run.settle();
  expect(run.cookiesBlocked()).toBe(1);
  expect(run.posts[1]?.request.body).toBe('{"token":true}');
  expect(run.users).toEqual([['u_2', undefined]]);
  expect(run.session.authorization).toEqual({ authorization: 'Bearer t2' });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(run.posts[2]?.request).toMatchObject({
    body: '{"token":true}',
    headers: { authorization: 'Bearer t2' },
  });
  expect(run.users[1]).toEqual(['u_2', 'u_2']);
  expect([run.session.token, run.cookiesBlocked()]).toEqual(['t3', 1]);
});

test('[R325] a failed renewal keeps the existing session', async () => {
  const run = startSession({ post: (nth) => (nth === 2 ? refusal(503) : good()), random: 0.5 });
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect([run.posts.length, run.session.isReady, run.session.refusal, run.refused]).toEqual([2, true, undefined, []]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(run.users).toEqual([
    ['u_alice', undefined],
    ['u_alice', 'u_alice'],
  ]);
});

test("[R99] the browser's cookie counts: another tab may have created a session meanwhile", async () => {
  const run = startSession({ post: good, get: () => json({ user_id: 'u_other_tab' }) });
  await run.settle();
  expect(run.users).toEqual([['u_other_tab', undefined]]);
});

test('[R99] a session that the server ends repeatedly is created again at most every 5 s', async () => {
  const run = startSession({ post: good });
  for (let ms = 0; ms < 60_000; ms += 100) {
    run.session.over();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(run.posts.length).toBeLessThanOrEqual(13);
  expect(run.posts.length).toBeGreaterThanOrEqual(11);
});

test('[R99] if a command is refused because of its user, the page checks its session, at most every 5 s', async () => {
  let users = ['u_alice', 'u_bob'];
  const run = startSession({ post: good, get: () => json({ user_id: users.shift() ?? 'u_bob' }) });
  await run.settle();
  for (let n = 0; n < 10; n++) await run.session.check();
  expect(run.users).toEqual([
    ['u_alice', undefined],
    ['u_bob', 'u_alice'],
  ]);
  users = [];
});

test('[R99] it is renewed after about half of its lifetime, not within a minute, and within the range of a timer', () => {
  expect(renewInMs(1_000, 0.5)).toBe(500_000);
  expect(renewInMs(1_000, 0)).toBe(450_000);
  expect(renewInMs(10, 0.5)).toBe(60_000);
  expect(renewInMs(-1e9, 0.5)).toBe(60_000);
  expect(renewInMs(1e12, 0.5)).toBe(2147483647);
});

test.each([
  ['58', undefined, 58_000],
  ['0', undefined, 0],
  ['Tue, 14 Nov 2023 22:14:20 GMT', 'Tue, 14 Nov 2023 22:13:20 GMT', 60_000],
  ['Tue, 14 Nov 2023 22:10:00 GMT', 'Tue, 14 Nov 2023 22:13:20 GMT', 0],
  ['99999999999999', undefined, 300_000],
  ['soon', undefined, undefined],
  ['', undefined, undefined],
  [undefined, undefined, undefined],
])('[R323] Retry-After: %s, at %s, is %s ms', (retryAfter, date, ms) => {
  const headers = new Headers({
    ...(retryAfter !== undefined && { 'retry-after': retryAfter }),
    ...(date && { date }),
  });
  expect(retryAfterMs({ headers })).toBe(ms);
});
