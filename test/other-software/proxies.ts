import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../support/servers.ts';
import { startVenue, type TestVenue } from '../support/venue.ts';
import { installMissing, installTimeoutMs, type Packages } from './install-missing.ts';

interface Proxy {
  name: string;
  packages: Packages;
  /** The info string of its configurations in docs/deploy.md. */
  language: string;
  versionArgs: string[];
  /** In the foreground. */
  args: (configFile: string, dir: string, port: number) => string[];
  /** Put before the documented part, where that is no whole configuration. */
  preamble?: (dir: string) => string;
}

const apacheModules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'headers'];

const proxies: Proxy[] = [
  {
    name: 'haproxy',
    packages: { haproxy: '/usr/sbin/haproxy' },
    language: 'haproxy',
    versionArgs: ['-v'],
    args: (file) => ['-db', '-f', file],
  },
  {
    name: 'Apache',
    packages: { 'apache2-bin': '/usr/sbin/apache2' },
    language: 'apache',
    versionArgs: ['-v'],
    args: (file) => ['-f', file, '-X'],
    preamble: (dir) =>
      [
        `ServerRoot ${dir}`,
        `PidFile ${dir}/apache.pid`,
        `ErrorLog ${dir}/error.log`,
        'ServerName localhost',
        ...apacheModules.map((each) => `LoadModule ${each}_module /usr/lib/apache2/modules/mod_${each}.so`),
        '',
      ].join('\n'),
  },
  {
    name: 'Caddy',
    packages: { caddy: '/usr/bin/caddy' },
    language: 'caddyfile',
    versionArgs: ['version'],
    args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
    preamble: () => '{\n  admin off\n}\n',
  },
  {
    name: 'Varnish',
    packages: { varnish: '/usr/sbin/varnishd' },
    language: 'vcl',
    versionArgs: ['-V'],
    // Its jail would read the file as another user.
    args: (file, dir, port) => [
      '-j',
      'none',
      '-F',
      '-n',
      join(dir, 'varnish'),
      '-f',
      file,
      '-a',
      `127.0.0.1:${port}`,
      '-T',
      'none',
    ],
  },
];

const documented = readFileSync('docs/deploy.md', 'utf8');
const configsIn = (language: string): string[] =>
  [...documented.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, config = '']) => config);

describe.each(proxies)('[R454] through $name', (proxy) => {
  let venue: TestVenue;
  const configs = configsIn(proxy.language);

  beforeAll(async () => {
    await installMissing(proxy.packages);
    venue = await startVenue({ env: { TRUSTED_PROXIES: 'loopback', RATE_LIMIT: 'on' } });
    const [program = ''] = Object.values(proxy.packages);
    console.log(
      execFileSync(program, proxy.versionArgs, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).split('\n')[0],
    );
  }, installTimeoutMs);
  afterAll(() => venue?.stop());

  test('docs/deploy.md has a configuration', () => expect(configs.length).toBeGreaterThan(0));

  test.each(configs.map((config, index) => ({ config, seat: `A${index + 1}` })))(
    'seats are shown, held and booked by the configuration of $seat',
    async ({ config, seat }) => {
      const { url, log } = await start(proxy, config, venue);
      const ask = (path: string, body?: object) =>
        fetch(new URL(path, url), {
          headers: { origin: url },
          ...(body && { method: 'POST', body: JSON.stringify(body) }),
        });
      await expect.poll(async () => (await ask('/ready').catch(() => undefined))?.status ?? log()).toBe(200);
      expect(await (await ask('/')).text()).toContain('id="seat-A1"');
      for (const path of ['/metrics', '/health'])
        expect((await ask(path)).status, `${path} is for operators`).toBe(404);
      expect((await ask('/app.js')).headers.get('content-type')).toMatch(/^(text|application)\/javascript/);
      expect((await ask('/styles.css')).headers.get('content-encoding')).toBe('gzip');

      const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { origin: url });
      onTestFinished(() => socket.terminate());
      const received: { type: string; data: { seat_id?: string; status?: number } }[] = [];
      socket.on('message', (data) => received.push(JSON.parse(String(data))));
      await once(socket, 'open');
      const held = await ask('/api/seats/select', { seat_id: seat, user_id: 'someone' });
      expect(await held.json()).toMatchObject({ success: true });
      await expect
        .poll(() => received)
        .toContainEqual(
          expect.objectContaining({ type: 'SEAT_UPDATE', data: expect.objectContaining({ seat_id: seat, status: 1 }) }),
        );
      socket.send(JSON.stringify({ type: 'BOOK_SEAT', data: { seat_id: seat, user_id: 'someone' } }));
      await expect.poll(() => received).toContainEqual(expect.objectContaining({ type: 'ACK' }));
      const seats = (await (await ask('/api/seats')).json()) as { id: string; status: number }[];
      expect(seats.find(({ id }) => id === seat)?.status, 'no copy in a cache').toBe(2);
    },
  );
});

/** Runs the documented configuration on free ports, until the end of the test. Returns where it listens, and its errors so far. */
async function start(proxy: Proxy, config: string, venue: TestVenue): Promise<{ url: string; log: () => string }> {
  const dir = mkdtempSync(join(tmpdir(), 'proxy-'));
  const port = await freePort();
  const [edge, otherEdge] = venue.edges;
  const ports: Record<string, number | undefined> = {
    3000: edge?.port,
    3001: otherEdge?.port,
    8000: venue.nginx.port,
    8080: venue.bookings[0]?.port,
    9000: port,
  };
  const file = join(dir, 'config');
  const text = `${proxy.preamble?.(dir) ?? ''}${config}`;
  writeFileSync(
    file,
    text.replaceAll(/\b(3000|3001|8000|8080|9000)\b/g, (documentedPort) => String(ports[documentedPort])),
  );
  const [program = ''] = Object.values(proxy.packages);
  const server: ChildProcess = spawn(program, proxy.args(file, dir, port), {
    stdio: ['ignore', 'ignore', openSync(join(dir, 'log'), 'w')],
    env: { ...process.env, HOME: dir },
  });
  onTestFinished(async () => {
    server.kill('SIGKILL'); // Apache would wait for its WebSockets
    if (server.exitCode === null) await once(server, 'exit');
  });
  return { url: `http://127.0.0.1:${port}`, log: () => readFileSync(join(dir, 'log'), 'utf8') };
}
