import { connect } from 'node:net';
import { Agent, request } from 'undici';
import { isObject } from '../process/is-object.ts';

const probeTimeoutMs = 1_000;

export interface Endpoint {
  host: string;
  port: number;
}

class NoAnswerError extends Error {
  override name = 'NoAnswerError';
}

/** The server replies but is not ready: it loads its data, or waits for another server. */
export class NotReadyError extends Error {
  override name = 'NotReadyError';
}

/** Logs in as `viewer`: without a login Redis replies -NOAUTH even while it still loads its data. */
export const ownRedisAnswers = (endpoint: Endpoint) => exchange(endpoint, 'AUTH viewer -\r\nPING\r\n', /^\+PONG/m);

export const natsAnswers = (endpoint: Endpoint) =>
  exchange(
    endpoint,
    'CONNECT {"verbose":false}\r\nPING\r\n',
    /^INFO .*("tls_required":true|\r\n[\s\S]*(PONG|Authorization))/,
  );

/** The certificate names the host of the page, not the address that is probed here. */
const anyCertificate = new Agent({ connect: { rejectUnauthorized: false } });

export async function httpAnswers(url: string): Promise<void> {
  const { statusCode, body } = await request(url, {
    dispatcher: anyCertificate,
    signal: AbortSignal.timeout(probeTimeoutMs),
  });
  await body.dump();
  if (statusCode !== 200) throw new NotReadyError(`GET ${url} replies ${statusCode}`);
}

/** `refused_shows` of `GET /ready`. */
export async function refusedShowsAt(url: string): Promise<Record<string, string>> {
  const response = await fetch(url, { signal: AbortSignal.timeout(probeTimeoutMs) });
  const body = await response.json();
  if (!isObject(body) || !isObject(body.refused_shows)) return {};
  return Object.fromEntries(Object.entries(body.refused_shows).map(([show, reason]) => [show, String(reason)]));
}

/** Resolves as soon as the reply matches. */
function exchange({ host, port }: Endpoint, request: string, expected: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = connect({ host, port, timeout: probeTimeoutMs }, () => socket.write(request));
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      reply += text;
      if (!expected.test(reply)) return;
      resolve();
      socket.destroy();
    });
    socket.on('timeout', () => {
      socket.destroy(reply === '' ? new NoAnswerError(`no reply from ${host}:${port}`) : undefined);
    });
    socket.on('error', reject);
    // No effect after a resolved reply.
    socket.on('close', () => {
      const problem = `${host}:${port} replied ${JSON.stringify(reply.slice(0, 80))}`;
      reject(reply === '' ? new NoAnswerError(problem) : new NotReadyError(problem));
    });
  });
}
