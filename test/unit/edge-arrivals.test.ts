import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { ArrivalLimits } from '../../src/edge/arrival-limits.ts';
import { limitsOf } from '../../src/edge/limits.ts';
import { RefusalLog } from '../../src/http/refusal-log.ts';
import { loadEdgeConfig } from '../../src/process/config.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { startEdge, upgrade } from './edge-fixture.ts';

const rate = { burst: 200, perSecond: 20 };
const here = { addressKey: '203.0.113.7' };
const elsewhere = { addressKey: '203.0.113.8' };

function setUp() {
  let nowMs = 0;
  const limits = new ArrivalLimits(rate, () => nowMs);
  const passS = (seconds: number) => {
    nowMs += seconds * 1_000;
  };
  const admitted = (arrival: { addressKey: string; userId?: string }, tries: number) =>
    Array.from({ length: tries }, () => limits.take(arrival)).filter(Boolean).length;
  return { limits, passS, admitted };
}

describe('[R332] [G9] arrivals of an address', () => {
  test('may come in a burst, then at a rate; other addresses are not affected', () => {
    const { limits, passS, admitted } = setUp();
    expect(admitted(here, 2_000)).toBe(200);
    expect(limits.retryAfterMs(here.addressKey)).toBe(50);
    expect(admitted(elsewhere, 200)).toBe(200);
    passS(1);
    expect(admitted(here, 2_000)).toBe(20);
  });

  test('of the maximum of connections are all accepted at once when the edge restarts', async () => {
    const config = loadEdgeConfig({ TRUSTED_PROXIES: '', CONNECTIONS_PER_ADDRESS: '100' });
    const { edge, wsUrl } = await startEdge({ limits: limitsOf(config) });
    const page = () => upgrade(wsUrl, { origin: new URL(wsUrl.replace('ws:', 'http:')).origin });
    const replies = await Promise.all(Array.from({ length: config.CONNECTIONS_PER_ADDRESS }, page));
    expect(replies.filter(({ status }) => status === 101)).toHaveLength(100);
    expect(edge.clientCount).toBe(100);
    expect((await page()).status).toBe(429);
  });

  test('are not limited if limits are off', () => {
    expect(limitsOf(loadEdgeConfig({ RATE_LIMIT: 'off' }))).not.toHaveProperty('arrivalsPerAddress');
  });
});

describe('[R331] [G9] floods', () => {
  test('count against their address, which is refused for at most 10 s', () => {
    const { limits, passS, admitted } = setUp();
    limits.flooded(here);
    expect(admitted(here, 2_000), 'one flood locks nobody out').toBe(150);
    for (let n = 0; n < 1_000; n++) limits.flooded(here);
    expect(limits.retryAfterMs(here.addressKey)).toBeLessThanOrEqual(10_050);
    expect(admitted(elsewhere, 200)).toBe(200);
    passS(9.9);
    expect(admitted(here, 1)).toBe(0);
    passS(1);
    expect(admitted(here, 1)).toBe(1);
  });

  test('do not lock out neighbours with a verified session, except the user who floods', () => {
    const { limits, passS, admitted } = setUp();
    const [flooder, neighbour] = [
      { ...here, userId: 'u_flooder' },
      { ...here, userId: 'u_neighbour' },
    ];
    for (let n = 0; n < 8; n++) limits.flooded(flooder);
    expect(admitted(neighbour, 1)).toBe(1);
    expect(admitted(flooder, 1)).toBe(0);
    expect(admitted(here, 1)).toBe(0);
    passS(8);
    expect(admitted(neighbour, 100), 'a user alone is limited too').toBe(4);
  });

  test('the verified users of an address are bounded together, because sessions are cheap', () => {
    const { limits, admitted } = setUp();
    admitted(here, 200);
    const users = Array.from({ length: 1_000 }, (_, n) => admitted({ ...here, userId: `u_${n}` }, 5));
    expect(users.reduce((sum, n) => sum + n)).toBe(200);
    expect(limits.take(elsewhere)).toBe(true);
  });
});

describe('[R332] [G9] an edge', () => {
  test('checks its limits before the Origin; refusals are counted by reason and logged once', async () => {
    const lines: string[] = [];
    const { app, wsUrl } = await startEdge({
      limits: { arrivalsPerAddress: { burst: 5, perSecond: 0.001 } },
      logger: pino({ level: 'info' }, { write: (line) => void lines.push(line) }),
    });
    const evil = () => upgrade(wsUrl, { origin: `https://${'evil'.repeat(500)}.example` });
    const statuses: number[] = [];
    for (let n = 0; n < 9; n++) statuses.push((await evil()).status);
    expect(statuses).toEqual([403, 403, 403, 403, 403, 429, 429, 429, 429]);
    const { body } = await app.inject('/metrics');
    expect(body).toContain('edge_refused_upgrades_total{reason="origin"} 5');
    expect(body).toContain('edge_refused_upgrades_total{reason="rate of address"} 4');
    const refusals = lines.filter((line) => line.includes('Request refused'));
    expect(refusals.map((line) => JSON.parse(line).reason)).toEqual(['origin', 'rate of address']);
    for (const line of refusals) expect(line.length, '[R333]').toBeLessThan(600);
  });

  test('counts repeated requests of a connection; the first CONNECT is free', async () => {
    const { wsUrl, connect } = await startEdge({
      limits: { arrivalsPerAddress: { burst: 3, perSecond: 0.001 } },
      door: { trustedProxies: ['127.0.0.1'] },
    });
    const from = (address: string) => connect(undefined, { 'x-forwarded-for': address });
    const first = await from('2001:db8::1');
    const data = { position: { epoch: 'e1', seq: 0 } };
    for (const [n, type] of (['CONNECT', 'CONNECT', 'subscribe', 'CONNECT', 'subscribe'] as const).entries()) {
      first.send(type === 'CONNECT' ? { type, request_id: n, data } : { type, request_id: n });
    }
    const [, second] = [await first.received('ERROR'), await first.received('ERROR', 2)];
    expect(first.ofType('ERROR').map(({ request_id }) => request_id)).toEqual([3, 4]);
    expect(second.data).toMatchObject({ code: 'RATE_LIMITED', retryable: true });
    expect((await upgrade(wsUrl, { 'x-forwarded-for': '2001:db8::2' })).status, 'of the same network').toBe(429);
    const other = await from('2001:db8:0:1::1');
    other.send({ type: 'CONNECT', request_id: 'free', data });
    await other.received('ACK');
  });
});

describe('[R333] [G10] the log of refusals', () => {
  test('has the first per reason, address and minute, truncated, and the number of the others', () => {
    const clock = new VirtualClock();
    const lines: object[] = [];
    const log = new RefusalLog({ info: (line: object) => void lines.push(line) } as never, clock);
    for (let n = 0; n < 10_000; n++) log.note('origin', { ip: '203.0.113.0', path: '/\u0007'.repeat(10_000) });
    log.note('flood', { ip: '203.0.113.0', origin: undefined });
    expect(lines).toEqual([
      { reason: 'origin', ip: '203.0.113.0', path: `${'/\\u0007'.repeat(64)}…` },
      { reason: 'flood', ip: '203.0.113.0', origin: undefined },
    ]);
    clock.increment(60_000);
    expect(lines.slice(2)).toEqual([{ others: 9_999 }]);
    for (let n = 0; n < 256; n++) log.note('origin', { ip: `203.0.113.${n}` });
    expect(lines).toHaveLength(3 + 100);
    log.close();
    expect(lines.at(-1)).toEqual({ others: 156 });
  });
});
