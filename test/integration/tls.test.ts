import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as plainRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { listenRules } from '../../src/launch/nginx.ts';
import { type CertificateFiles, installCertificate, selfMadeCertificate } from '../../src/launch/tls.ts';
import { freePort } from '../support/servers.ts';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';
import { setUp, tearDown } from './nginx-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'concert-booking-tls-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const makeCertificate = (name: string): Promise<CertificateFiles> =>
  selfMadeCertificate(join(folder, name), 'seats.example');

interface Reply {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** Over HTTP/2, with any certificate. */
function ask(
  port: number,
  path: string,
  options: { body?: string; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const session = connectHttp2(`https://localhost:${port}`, { rejectUnauthorized: false });
  return new Promise<Reply>((resolve, reject) => {
    session.on('error', reject);
    const { body, headers } = options;
    const stream = session.request({ ':path': path, ...(body !== undefined && { ':method': 'POST' }), ...headers });
    stream.on('error', reject);
    let received = '';
    let head: Reply['headers'] = {};
    stream.on('response', (given) => {
      head = given as Reply['headers'];
    });
    stream.on('data', (chunk) => {
      received += chunk;
    });
    stream.on('end', () => resolve({ status: Number(head[':status']), headers: head, body: received }));
    stream.end(body);
  }).finally(() => session.close());
}

const fingerprintAt = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
const fingerprintOf = ({ certFile }: CertificateFiles): string =>
  new X509Certificate(readFileSync(certFile)).fingerprint256;

const plain = (port: number, path: string): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const request = plainRequest(
      { port, host: '127.0.0.1', path, headers: { host: `localhost:${port}` } },
      (response) => {
        let body = '';
        response.on('data', (chunk) => {
          body += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      },
    );
    request.on('error', reject);
    request.end();
  });

describe('[R986] nginx with a certificate', () => {
  let tls: CertificateFiles & { port: number };
  let port: number;
  beforeAll(async () => {
    tls = { ...(await makeCertificate('nginx')), port: await freePort() };
    const { url } = await setUp({}, 'public', tls);
    port = Number(new URL(url).port);
  });
  afterAll(tearDown);

  test('serves the API over HTTP/2, passes the scheme to the services, and requires TLS from then on', async () => {
    const { status, headers, body } = await ask(tls.port, '/api/seats');
    expect(status).toBe(200);
    expect(headers['strict-transport-security']).toBe('max-age=31536000; includeSubDomains');
    expect(JSON.parse(body).headers).toMatchObject({
      host: `localhost:${tls.port}`,
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '127.0.0.1',
    });
    expect((await ask(tls.port, '/styles.css')).headers['content-type']).toContain('text/css');
  });

  test('passes WebSockets on', async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${tls.port}/ws`, { rejectUnauthorized: false });
    onTestFinished(() => socket.terminate());
    const name = await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject));
    expect(String(name)).toBe('a');
  });

  test('redirects plain HTTP to TLS, with its path, and refuses it at the port of TLS', async () => {
    for (const path of ['/', '/shows/arena?seats=2', '/api/seats']) {
      const { status, headers } = await plain(port, path);
      expect([status, headers.location]).toEqual([308, `https://localhost:${tls.port}${path}`]);
    }
    expect((await plain(port, '/.well-known/acme-challenge/none')).status, 'for certbot --webroot').toBe(404);
    const wrong = await plain(tls.port, '/');
    expect([wrong.status, JSON.parse(wrong.body).error.code]).toEqual([400, 'INVALID_REQUEST']);
  });

  test.each(['TLSv1', 'TLSv1.1'] as const)('has no %s', async (version) => {
    const options = { port: tls.port, host: '127.0.0.1', rejectUnauthorized: false, ciphers: 'DEFAULT:@SECLEVEL=0' };
    const error = await new Promise((resolve) => {
      const socket = connect({ ...options, minVersion: version, maxVersion: version }, () => resolve(undefined));
      socket.on('error', resolve);
    });
    expect(String(error)).toMatch(/alert protocol version/);
  });
});

test.each([
  { LISTEN: '8080', PUBLIC_DIR: '/html' },
  { LISTEN: '8080', PUBLIC_DIR: '/html', TLS_CERT: '/run/secrets/tls-cert', TLS_KEY: '/run/secrets/tls-key' },
  { LISTEN: '80', TLS_LISTEN: '443', HTTPS_PORT: '8443', PUBLIC_DIR: '/html', TLS_CERT: '/a.pem', TLS_KEY: '/b.pem' },
])('[R986] the image of nginx listens the same with %j', (settings) => {
  const { TLS_CERT: certFile, TLS_KEY: keyFile = '', LISTEN: listen, PUBLIC_DIR: publicDir } = settings;
  const ports = { listen: settings.TLS_LISTEN ?? '8443', publicPort: Number(settings.HTTPS_PORT ?? 443) };
  const rules = listenRules({ listen, publicDir, tls: certFile ? { certFile, keyFile, ...ports } : undefined });
  const script = '. nginx/rules.envsh; printf "%s\\n%s\\n" "$LISTEN_RULES" "$REDIRECT_SERVER"';
  const env = { PATH: process.env.PATH, EDGES: 'edge:3000', BOOKINGS: 'booking:8080', ...settings };
  const lines = execFileSync('sh', ['-c', script], { env, encoding: 'utf8' }).split('\n');
  expect(lines.slice(0, 2)).toEqual([rules.LISTEN_RULES, rules.REDIRECT_SERVER]);
});

describe('[R987] ./start.sh with TLS', () => {
  let settings: Settings;
  let launch: Launch;
  let given: CertificateFiles;
  let httpsPort: number;
  beforeAll(async () => {
    given = await makeCertificate('given');
    httpsPort = await freePort();
    const tls = { TLS_CERT: given.certFile, TLS_KEY: given.keyFile, HTTPS_PORT: String(httpsPort) };
    settings = { ...(await freeSettings()), ...tls };
    launch = await new Launch(settings).isUp();
  }, 120_000);
  afterAll(() => launch?.cleanUp());

  test('prints the address with https, and books with the cookie of this host', async () => {
    expect(launch.output).toMatch(new RegExp(`Open +https://(localhost|127\\.0\\.0\\.1):${httpsPort}\\n`));
    const json = { 'content-type': 'application/json' };
    const session = await ask(httpsPort, '/api/session', { body: '{}', headers: json });
    const [cookie = ''] = session.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^__Host-session_[0-9a-f]{8}=[^;]+; .*Path=\/; .*Secure/);
    const [pair = ''] = cookie.split(';');
    const held = await ask(httpsPort, '/api/seats/select', {
      body: '{"seat_id":"A1"}',
      headers: { ...json, cookie: pair, origin: `https://localhost:${httpsPort}` },
    });
    expect(JSON.parse(held.body)).toMatchObject({ success: true });
    const socket = new WebSocket(`wss://127.0.0.1:${httpsPort}/ws`, ['seat-booking.v1'], {
      rejectUnauthorized: false,
      headers: { cookie: pair, origin: `https://127.0.0.1:${httpsPort}` },
    });
    onTestFinished(() => socket.terminate());
    const received: { type: string; data: object }[] = [];
    socket.on('message', (text) => received.push(JSON.parse(String(text))));
    socket.on('open', () => {
      socket.send('{"type":"CONNECT","data":{}}');
      socket.send('{"type":"BOOK_SEAT","data":{"seat_id":"A1"}}');
    });
    await expect.poll(() => received).toContainEqual(expect.objectContaining({ type: 'ACK' }));
  });

  test('uses a renewed certificate without cutting connections, and keeps the old one if the new one is damaged', {
    timeout: 60_000,
  }, async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${httpsPort}/ws`, { rejectUnauthorized: false });
    onTestFinished(() => socket.terminate());
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const before = fingerprintOf(given);
    expect(await fingerprintAt(httpsPort)).toBe(before);
    const renewed = await makeCertificate('renewed');
    copyFileSync(renewed.keyFile, given.keyFile);
    copyFileSync(renewed.certFile, given.certFile);
    await expect.poll(() => fingerprintAt(httpsPort)).toBe(fingerprintOf(renewed));
    expect(socket.readyState).toBe(WebSocket.OPEN);
    writeFileSync(given.keyFile, 'no key');
    await launch.says('!! The new certificate is not used: TLS_KEY=');
    expect(await fingerprintAt(httpsPort)).toBe(fingerprintOf(renewed));
  });
});

test('[R988] ./start.sh makes a certificate', { timeout: 120_000 }, async () => {
  const httpsPort = await freePort();
  const launch = new Launch({ ...(await freeSettings()), TLS_CERT: 'self-made', HTTPS_PORT: String(httpsPort) });
  onTestFinished(() => launch.cleanUp());
  await launch.isUp();
  expect((await ask(httpsPort, '/')).body).toContain('id="seat-A1"');
});

test('[R988] a self-made certificate is for this machine, and is kept', async () => {
  const files = await makeCertificate('own');
  const certificate = new X509Certificate(readFileSync(files.certFile));
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkHost('seats.example')).toBe('seats.example');
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  const before = readFileSync(files.certFile, 'utf8');
  await makeCertificate('own');
  expect(readFileSync(files.certFile, 'utf8')).toBe(before);
});

test('[R988] a certificate or key that cannot be used is named, and an earlier copy stays', async () => {
  const [one, other] = [await makeCertificate('one'), await makeCertificate('other')];
  const dir = join(folder, 'installed');
  const { certFile, keyFile } = installCertificate(one, dir, undefined);
  const damaged = join(folder, 'damaged.pem');
  writeFileSync(damaged, 'damaged');
  for (const [files, fault] of [
    [
      { ...one, keyFile: other.keyFile },
      `TLS_KEY="${other.keyFile}": is not the key of the certificate in ${one.certFile}`,
    ],
    [{ ...one, certFile: damaged }, `TLS_CERT="${damaged}": must be a certificate in PEM format`],
    [{ ...one, keyFile: damaged }, `TLS_KEY="${damaged}": must be a private key in PEM format`],
    [{ ...one, keyFile: '/none' }, 'TLS_KEY="/none": cannot be read'],
  ] as const)
    expect(() => installCertificate(files, dir, undefined)).toThrow(fault);
  expect(readFileSync(certFile, 'utf8')).toBe(readFileSync(one.certFile, 'utf8'));
  expect(readFileSync(keyFile, 'utf8')).toBe(readFileSync(one.keyFile, 'utf8'));
});
