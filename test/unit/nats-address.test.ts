import { expect, test } from 'vitest';
import { natsLogin } from '../../src/events/nats-address.ts';

test.each([
  ['nats://127.0.0.1:4222', { servers: ['127.0.0.1:4222'] }],
  ['127.0.0.1:4222', { servers: ['127.0.0.1:4222'] }],
  ['localhost', { servers: ['localhost'] }],
  ['nats://booking:p%40ss@[::1]:4222', { servers: ['[::1]:4222'], user: 'booking', pass: 'p@ss' }],
  ['nats://a-token@nats:4222', { servers: ['nats:4222'], token: 'a-token' }],
  ['nats://edge:pass@a:4222,nats://edge:pass@b:4222', { servers: ['a:4222', 'b:4222'], user: 'edge', pass: 'pass' }],
])('[R230] %s', (addresses, login) => {
  expect(natsLogin(addresses.split(','))).toEqual(login);
});
