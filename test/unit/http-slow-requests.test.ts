import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpApp } from '../../src/http/http-app.ts';
import { silent } from '../contract/store-places.ts';
import { askRaw, parsedAnswer } from '../support/raw-http.ts';

test('[R238] [G10] an incomplete request gets an error after 10 s, and the connection is closed', {
  timeout: 60_000,
}, async () => {
  const app = createHttpApp(silent);
  onTestFinished(() => app.close());
  app.post('/', async () => ({}));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const post = (type: string) => `POST / HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\nContent-Length: 2\r\n\r\n{`;
  // One type of body is read, the other is refused before.
  const beginnings = ['GET / HTTP/1.1\r\nX-Slow: ', post('application/json'), post('a/b')];
  const cutOff = 'cut off by the test, not by the server';
  const answers = await Promise.race([
    Promise.all(beginnings.map((bytes) => askRaw(url, bytes, 50_000))),
    delay(40_000, [cutOff]),
  ]);
  for (const answer of answers) {
    const { status, body } = parsedAnswer(answer);
    expect([status, JSON.parse(body).error.code]).toEqual([400, 'INVALID_REQUEST']);
  }
});
