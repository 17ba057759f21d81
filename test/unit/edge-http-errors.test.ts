import type { InjectOptions } from 'fastify';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createHttpApp } from '../../src/http/http-app.ts';

const schema = { body: { type: 'object', required: ['seat_id'], properties: { seat_id: { type: 'string' } } } };
const post = (payload: string, type = 'application/json'): InjectOptions => ({
  method: 'POST',
  url: '/seats',
  payload,
  headers: { 'content-type': type },
});

function app() {
  const app = createHttpApp(pino({ level: 'silent' }));
  app.post('/seats', { schema }, () => ({}));
  app.get('/broken', () => {
    throw new Error('the secret detail');
  });
  return app;
}

test.each<[what: string, request: InjectOptions, status: number, code: string, message: RegExp]>([
  ['a body of another shape', post('{"seat_id":{}}'), 400, 'INVALID_REQUEST', /seat_id must be string/],
  ['a body without a field', post('{}'), 400, 'INVALID_REQUEST', /seat_id/],
  ['a body that is not JSON', post('{'), 400, 'INVALID_REQUEST', /JSON/],
  ['an empty body', post(''), 400, 'INVALID_REQUEST', /empty/],
  ['a body of another type', post('<a/>', 'text/xml'), 400, 'INVALID_REQUEST', /Media Type/],
  ['a body that reaches for the prototype', post('{"__proto__":{}}'), 400, 'INVALID_REQUEST', /./],
  ['a body too large', post(`{"seat_id":"${'x'.repeat(5000)}"}`), 413, 'TOO_LARGE', /large/],
  ['an unknown path', { method: 'GET', url: '/nowhere?a=1' }, 404, 'NOT_FOUND', /\/nowhere$/],
  ['a URL that cannot be decoded', { method: 'GET', url: '/%zz' }, 400, 'INVALID_REQUEST', /./],
  ['a wrong method', { method: 'DELETE', url: '/seats?a=1' }, 405, 'METHOD_NOT_ALLOWED', /accepts POST, not DELETE/],
  ['a bug', { method: 'GET', url: '/broken' }, 500, 'INTERNAL', /^(?!.*secret)/],
])('[G9] %s', async (_, request, status, code, message) => {
  const reply = await app().inject(request);
  expect(reply.statusCode).toBe(status);
  expect(reply.json()).toMatchObject({ success: false, error: { code, retryable: false } });
  expect(reply.json().error.message).toMatch(message);
});

test('[G9] the error of a wrong method lists the right ones', async () => {
  const reply = await app().inject({ method: 'POST', url: '/broken' });
  expect(reply.headers.allow).toBe('GET, HEAD');
});
