import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ShowList } from '../../src/protocol/show.ts';
import { patience } from '../support/patience.ts';
import { startBooking, startEdge, startNginx, type TestServer } from '../support/servers.ts';
import { showFile, showsFolder } from '../support/show-files.ts';
import { useServers } from '../support/use-servers.ts';
import { TestClient, until } from '../unit/edge-fixture.ts';

const servers = useServers();

/** A booking process with the shows `opening` and `other`; the first has two rows by default. */
async function booking(hall: { rows?: number; seats?: number } = {}): Promise<TestServer> {
  const folder = showsFolder(['other']);
  writeFileSync(join(folder, 'opening.json'), showFile('Opening night', hall));
  const env = { SHOWS_DIR: folder };
  const server = await startBooking({ redisUrl: servers.redis.url, natsUrl: servers.nats.url, env });
  onTestFinished(() => server.stop());
  return server;
}

interface Reply {
  status: number;
  code: string | undefined;
  retryable: boolean | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests match its fields
  body: any;
}

/** `path`: below `/api/shows/`. With a body: POST. */
async function ask({ url }: TestServer, path: string, body?: object): Promise<Reply> {
  const reply = await fetch(`${url}/api/shows/${path}`, body && { method: 'POST', body: JSON.stringify(body) });
  const content = (await reply.json()) as { error?: { code: string; retryable: boolean } };
  return { status: reply.status, code: content.error?.code, retryable: content.error?.retryable, body: content };
}

const requests = (show: string, planOfNew: string): [string, object?][] => [
  [show],
  [`${show}/seats`],
  [`${show}/venue`],
  [`${show}/plan/${planOfNew}`],
  [`${show}/seats/select`, { seat_id: 'C1', user_id: 'ann' }],
  [`${show}/holds`, { seats: ['C1', 'C2'], user_id: 'ann' }],
  [`${show}/holds`, { best: { count: 2 }, user_id: 'ann' }],
  [`${show}/holds`, { seats: ['A1'], user_id: 'ann' }],
];

const readyAt = async ({ url }: TestServer) => (await fetch(`${url}/ready`)).json() as Promise<object>;
const listAt = async ({ url }: TestServer) => ((await (await fetch(`${url}/api/shows`)).json()) as ShowList).shows;
const refusalsAt = async ({ url }: TestServer) => {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return Number(/^http_refusals_total\{code="STORE_UNAVAILABLE"\} (\d+)$/m.exec(metrics)?.[1] ?? 0);
};

describe('[G7] [R670] a rolling change of a plan', () => {
  test('a process with the old plan leaves the show to the others, and sells its other shows', async () => {
    const old = await booking({ rows: 2 });
    const before = await ask(old, 'opening');
    expect(before.status).toBe(200);
    // The control: with the plan that the show has, seats and plans that it does not have are unknown for good.
    expect(await ask(old, 'opening/holds', { seats: ['C1'], user_id: 'ann' })).toMatchObject({ code: 'UNKNOWN_SEAT' });
    expect(await ask(old, 'opening/plan/abc')).toMatchObject({ code: 'NOT_FOUND', retryable: false });

    const fresh = await booking({ rows: 3 });
    const after = await ask(fresh, 'opening');
    expect(after.body.counts.available).toBe(15);
    for (const [path, body] of requests('opening', after.body.plan)) {
      const what = JSON.stringify([path, body]);
      expect(await ask(old, path, body), what).toMatchObject({
        status: 503,
        code: 'STORE_UNAVAILABLE',
        retryable: true,
      });
    }
    // The content of a plan does not depend on the process that sells it.
    expect((await ask(old, `opening/plan/${before.body.plan}`)).status).toBe(200);
    expect((await ask(old, 'other')).status).toBe(200);
    expect((await ask(old, 'other/holds', { seats: ['A1'], user_id: 'bob' })).status).toBe(200);
    expect((await ask(old, 'other/holds', { seats: ['C1'], user_id: 'bob' })).code).toBe('UNKNOWN_SEAT');
    expect((await ask(fresh, 'opening/holds', { seats: ['C1', 'C2'], user_id: 'ann' })).status).toBe(200);
    expect(await readyAt(old)).toMatchObject({ refused_shows: { opening: expect.stringContaining('newer plan') } });
  });

  test('an edge that tries the process with the old plan first sells the seats of the new one', async () => {
    const old = await booking({ rows: 2 });
    await ask(old, 'opening');
    const fresh = await booking({ rows: 3 });
    await vi.waitFor(async () => expect((await ask(fresh, 'opening')).status).toBe(200), patience);
    const edge = await startEdge({ natsUrl: servers.nats.url, bookingUrls: [old.url, fresh.url] });
    onTestFinished(() => edge.stop());
    const client = await new TestClient(`${edge.url.replace('http', 'ws')}/ws`).opened();
    client.send({ type: 'CONNECT', data: { venue: 'opening', user_id: 'ann' } });
    const state = () => client.ofType('VENUE_STATE').find(({ data }) => data.venue === 'opening');
    await until(() => state() !== undefined, 'VENUE_STATE of opening');
    expect(state()?.data.seats).toHaveLength(15);
    client.send({ type: 'SELECT_SEAT', data: { seat_id: 'C1', user_id: 'ann' } });
    expect(await client.received('ACK', 2), 'the first is that of CONNECT').toMatchObject({
      data: { seat: { id: 'C1', status: 1 } },
    });
  });

  test('[R1050] nginx sends each request that the process with the old plan refuses to the one with the new plan', async () => {
    const old = await booking({ rows: 2 });
    await ask(old, 'opening');
    const fresh = await booking({ rows: 3 });
    await vi.waitFor(async () => expect((await ask(fresh, 'opening')).status).toBe(200), patience);
    const { plan } = (await ask(fresh, 'opening')).body;
    const edge = await startEdge({ natsUrl: servers.nats.url, bookingUrls: [fresh.url] });
    onTestFinished(() => edge.stop());
    for (const [path, body] of requests('opening', plan)) {
      // One that has not seen a failure of the old process: it would skip this process.
      const nginx = await startNginx({ edgePorts: [edge.port], bookingPorts: [old.port, fresh.port] });
      const what = JSON.stringify([path, body]);
      const before = await refusalsAt(old);
      const statuses = new Set<number>();
      await vi.waitFor(async () => {
        statuses.add((await ask(nginx, path, body)).status);
        await ask(fresh, 'opening/holds/release', { user_id: 'ann' });
        expect(await refusalsAt(old), `${what}: the old process was asked`).toBeGreaterThan(before);
        expect(statuses, what).toContain(200);
      }, patience);
      statuses.delete(504); // on a busy machine nginx may not wait for a process
      expect(statuses, what).toEqual(new Set([200]));
      await nginx.stop();
    }
  }, 120_000);

  test('a process opens a show with a changed plan at its start, before the first request', async () => {
    const old = await booking({ rows: 2 });
    const { body } = await ask(old, 'opening');
    await booking({ rows: 3 });
    await expect.poll(() => servers.admin.hget('{opening}:venue:about', 'plan'), patience).not.toBe(body.plan);
    expect((await ask(old, 'opening')).status).toBe(503);
    expect(await servers.admin.exists('{other}:venue:about'), 'its plan has not changed').toBe(0);
  });
});

describe('[R672] a show that must not be opened is named with its reason; the others stay on sale', () => {
  const reasonAt = async (server: TestServer) =>
    (await readyAt(server)) as { status: string; refused_shows?: Record<string, string> };

  test('a plan that removes a booked seat; until the seat is free', async () => {
    const old = await booking({ rows: 2 });
    expect((await ask(old, 'opening/holds', { seats: ['B2'], user_id: 'ann' })).status).toBe(200);
    const smaller = await booking({ rows: 1 });
    await expect
      .poll(() => reasonAt(smaller), patience)
      .toEqual({
        status: 'ok',
        refused_shows: { opening: 'its file has changed, and seat B2 (held) would be removed. Undo that change' },
      });
    const unavailable = (await listAt(smaller)).filter((show) => show.unavailable).map(({ id }) => id);
    expect(unavailable).toEqual(['opening']);
    expect(await ask(smaller, 'opening')).toMatchObject({ status: 503, retryable: true });
    expect((await ask(smaller, 'other')).status).toBe(200);
    expect((await ask(old, 'opening')).status).toBe(200);
    expect((await listAt(old)).some((show) => show.unavailable)).toBe(false);
    const log = readFileSync(smaller.logFile, 'utf8');
    expect(log.match(/The show opening cannot be opened: its file has changed/g)).toHaveLength(1);

    await ask(old, 'opening/holds/release', { user_id: 'ann' });
    await expect.poll(() => reasonAt(smaller), patience).toEqual({ status: 'ok' });
    expect((await ask(smaller, 'opening')).body.counts.available).toBe(5);
  });

  test.each([['venue:about'], ['venue:epoch'], ['venue:seats'], ['venue:events']])(
    'data of another kind in %s',
    async (key) => {
      await servers.admin.rpush(`{opening}:${key}`, 'a list');
      const server = await booking();
      expect((await ask(server, 'opening')).status).toBe(503);
      expect((await reasonAt(server)).refused_shows?.opening).toContain('data of another kind');
      expect((await ask(server, 'other')).status).toBe(200);
    },
  );
});
