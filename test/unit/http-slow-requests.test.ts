import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpApp } from '../../src/http/http-app.ts';
import { askRaw, parsedAnswer } from '../support/raw-http.ts';
import { silent } from '../support/silent.ts';

test('[R238] [G10] a client that does not send a whole request in time gets a 400 and loses the connection', async () => {
  const app = createHttpApp(silent, { requestTimeoutMs: 500 });
  onTestFinished(() => app.close());
  app.post('/', async () => ({}));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const post = (type: string) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 2\r\n\r\n{`;
  // One type of body is read, the other is refused before.
  const beginnings = ['GET / HTTP/1.1\r\nX-Slow: ', post('application/json'), post('a/b')];
  // `askRaw` resolves when the server closes the connection.
  const answers = await Promise.all(beginnings.map((bytes) => askRaw(url, bytes, 25_000)));
  for (const answer of answers) {
    const { status, body } = parsedAnswer(answer);
    expect([status, JSON.parse(body).error.code]).toEqual([400, 'INVALID_REQUEST']);
  }
});

test('[R238] [G10] the time for a whole request is 10 s', () => {
  const { server } = createHttpApp(silent);
  expect([server.requestTimeout, server.headersTimeout]).toEqual([10_000, 10_000]);
});
