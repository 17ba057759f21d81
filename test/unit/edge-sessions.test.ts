import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SessionChecks } from '../../src/edge/session-checks.ts';
import { SessionWatch } from '../../src/edge/session-watch.ts';
import { closeCodes, subprotocol } from '../../src/protocol/close-codes.ts';
import type { SessionInfo } from '../../src/protocol/session.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { startEdge, until } from './edge-fixture.ts';

const logger = pino({ level: 'silent' });
const minIntervalMs = 5_000;
const secondsAgo = (seconds: number) => Date.now() / 1000 - seconds;

/** A booking service whose replies the test sets; it counts the requests. */
class Asked {
  readonly batches: (readonly string[])[] = [];
  inFlight = 0;
  mostInFlight = 0;
  answer: (token: string) => SessionInfo | undefined | Promise<SessionInfo | undefined> = () => good({});

  get tokens(): string[] {
    return this.batches.flat();
  }

  async sessions(tokens: readonly string[]): Promise<(SessionInfo | undefined)[]> {
    this.batches.push(tokens);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      return await Promise.all(tokens.map((token) => this.answer(token)));
    } finally {
      this.inFlight--;
    }
  }
}

const good = (more: Partial<SessionInfo>): SessionInfo => ({ user_id: 'u_alice', expires_at: secondsAgo(0), ...more });

function setUp() {
  const clock = new VirtualClock();
  const asked = new Asked();
  const checks = new SessionChecks({ booking: asked, minIntervalMs, clock });
  const over: string[] = [];
  const watch = (token: string) => {
    const watched = new SessionWatch({ checks, clock, logger, retryMs: 10_000, onEnded: () => over.push(token) });
    onTestFinished(() => watched.close());
    watched.follow(token);
    return watched;
  };
  /** Advances in small steps, so that a request loop would show. */
  const pass = async (ms: number) => {
    for (let passedMs = 0; passedMs < ms; passedMs += 100) {
      clock.increment(100);
      await settled();
    }
  };
  return { asked, checks, over, watch, pass };
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('[R282] [G10] the session of an idle connection', () => {
  test('is not checked in a loop by an edge whose clock is ahead', async () => {
    const { asked, over, watch, pass } = setUp();
    asked.answer = () => good({ expires_at: secondsAgo(60) }); // for the booking service: in the last minute
    watch('token');
    await settled();
    await pass(4_900);
    expect(asked.tokens).toHaveLength(1);
    await pass(55_000);
    expect(asked.tokens.length).toBeGreaterThanOrEqual(6);
    expect(asked.tokens.length).toBeLessThanOrEqual(12);
    expect(over, 'that is for the booking service to say').toEqual([]);
  });

  test('is checked after its lifetime, without synchronised clocks', async () => {
    const { asked, over, watch, pass } = setUp();
    asked.answer = () => good({ expires_at: secondsAgo(3_600), expires_in: 60 });
    watch('token');
    await pass(100);
    await pass(59_900);
    expect(asked.tokens).toHaveLength(1);
    asked.answer = () => undefined;
    await pass(5_200);
    expect([asked.tokens.length, over]).toEqual([2, ['token']]);
  });

  test('does not end because it cannot be checked', async () => {
    const { asked, over, watch, pass } = setUp();
    asked.answer = () => Promise.reject(new Error('unreachable'));
    watch('token');
    await settled();
    await pass(60_000);
    expect(over).toEqual([]);
    expect(asked.tokens.length).toBeLessThanOrEqual(6);
    asked.answer = () => undefined;
    await pass(15_100);
    expect(over).toEqual(['token']);
  });

  test('is checked once for all connections with that token, and not again while it is valid', async () => {
    const { asked, watch, pass } = setUp();
    asked.answer = () => good({ expires_in: 60 });
    for (let n = 0; n < 100; n++) watch('token');
    await settled();
    await pass(1_000);
    for (let n = 0; n < 100; n++) watch('token');
    await pass(58_000);
    expect(asked.tokens).toHaveLength(1);
  });

  test('is checked with jitter: connections opened together are not checked together', async () => {
    const { asked, watch, pass } = setUp();
    asked.answer = () => good({ expires_in: 60 });
    for (let n = 0; n < 100; n++) watch(`token-${n}`);
    await settled();
    await pass(62_500);
    const early = asked.tokens.length - 100;
    expect(early).toBeGreaterThan(10);
    expect(early).toBeLessThan(90);
  });

  test('has one check at a time, which continues with the newest token', async () => {
    const { asked, over, watch, pass } = setUp();
    const answers: ((session: SessionInfo | undefined) => void)[] = [];
    asked.answer = () => new Promise((resolve) => answers.push(resolve));
    const watched = watch('first');
    for (const token of ['second', 'third']) watched.follow(token);
    await pass(200);
    expect(asked.tokens).toEqual(['first']);
    answers[0]?.(undefined);
    await pass(200);
    expect([asked.tokens, over], 'the first is not the session any more').toEqual([['first', 'third'], []]);
  });

  test('[R812] many at once share a request, one request at a time: that leaves capacity for commands', async () => {
    const { asked, watch, pass } = setUp();
    const answers: (() => void)[] = [];
    asked.answer = () => new Promise((resolve) => answers.push(() => resolve(good({ expires_in: 60 }))));
    watch('token-0');
    await settled();
    for (let n = 1; n < 1_000; n++) watch(`token-${n}`);
    await pass(200);
    while (answers.length > 0) {
      for (const answer of answers.splice(0)) answer();
      await pass(200);
    }
    expect([asked.tokens.length, asked.mostInFlight]).toEqual([1_000, 1]);
    expect(asked.batches.map(({ length }) => length)).toEqual([...new Array(7).fill(128), 104]);
  });

  test('[R812] of the sessions of one request each has its own result', async () => {
    const { asked, over, watch, pass } = setUp();
    asked.answer = (token) => (token === 'ended' ? undefined : good({ expires_in: 60 }));
    for (const token of ['first', 'good', 'ended', 'other']) watch(token);
    await pass(1_000);
    expect([asked.batches.length, over]).toEqual([1, ['ended']]);
  });

  test('closes the connection immediately if a command finds that it has ended', async () => {
    const { booking, connect } = await startEdge();
    booking.sessions.set('good', { user_id: 'u_alice', expires_at: secondsAgo(-3_600) });
    const client = await connect([subprotocol], { cookie: 'session=good' });
    await until(() => booking.requests.includes('session'), 'it was checked');
    booking.sessions.delete('good');
    const error = { code: 'UNAUTHENTICATED', message: 'over', retryable: false };
    booking.failure = { status: 401, body: JSON.stringify({ success: false, error }) };
    client.send({ type: 'SELECT_SEAT', data: { seat_id: 'A1' } });
    expect(await client.closed).toBe(closeCodes.sessionOver.code);
  });
});

describe('[R334] [G9] session checks', () => {
  test('of one address are bounded by its arrivals, regardless of its tokens; others are checked', async () => {
    const { booking, connect } = await startEdge({
      limits: { arrivalsPerAddress: { burst: 5, perSecond: 0.001 } },
      door: { trustedProxies: ['127.0.0.1'] },
    });
    for (let n = 0; n < 40; n++) {
      booking.sessions.set(`token-${n}`, { user_id: `u_${n}`, expires_at: secondsAgo(-3_600) });
    }
    const from = (address: string) => connect([subprotocol], { 'x-forwarded-for': address });
    const checks = () => booking.requests.filter((request) => request === 'session').length;
    const sockets = [await from('2001:db8::1'), await from('2001:db8::2')];
    for (let n = 0; n < 30; n++) {
      const client = sockets[n % 2] as (typeof sockets)[number];
      client.send({ type: 'CONNECT', request_id: n, data: { token: `token-${n}` } });
      const answered = () => client.messages.some((message) => 'request_id' in message && message.request_id === n);
      await until(answered, 'CONNECT is answered');
    }
    const other = await from('203.0.113.7');
    other.send({ type: 'CONNECT', request_id: 'other', data: { token: 'token-39' } });
    await until(() => booking.headers.some(({ authorization }) => authorization === 'Bearer token-39'), 'its check');
    expect(checks() - 1, 'the first CONNECT of each, and three more').toBeLessThanOrEqual(5);
    expect(sockets.flatMap((client) => client.ofType('ERROR')).map(({ data }) => data.code)).toEqual(
      Array(25).fill('RATE_LIMITED'),
    );
  });

  test('keep their result until the session ends or is in doubt', async () => {
    const { asked, checks, pass } = setUp();
    asked.answer = () => good({ expires_in: 60 });
    const checked = async () => {
      const remainingMs = checks.remainingMs('token');
      await pass(200);
      return remainingMs;
    };
    expect(checks.knownUserOf('token')).toBeUndefined();
    await checked();
    expect([checks.knownUserOf('token'), checks.knownUserOf('other')]).toEqual(['u_alice', undefined]);
    checks.forget('token');
    expect(checks.knownUserOf('token')).toBeUndefined();
    await checked();
    await pass(60_000);
    expect(checks.knownUserOf('token')).toBeUndefined();
  });
});
