import { expect, test } from 'vitest';
import { natsLogin } from '../../src/events/nats-address.ts';
import { ConfigError } from '../../src/process/config-error.ts';

test.each([
  ['nats://127.0.0.1:4222', { servers: ['127.0.0.1:4222'] }],
  ['127.0.0.1:4222', { servers: ['127.0.0.1:4222'] }],
  ['localhost', { servers: ['localhost'] }],
  ['nats://booking:p%40ss@[::1]:4222', { servers: ['[::1]:4222'], user: 'booking', pass: 'p@ss' }],
  ['nats://a-token@nats:4222', { servers: ['nats:4222'], token: 'a-token' }],
  ['nats://edge:pass@a:4222,nats://edge:pass@b:4222', { servers: ['a:4222', 'b:4222'], user: 'edge', pass: 'pass' }],
  [' nats://a:4222 , b:4222/ ', { servers: ['a:4222', 'b:4222'] }],
  ['tls://a:4222', { servers: ['a:4222'], tls: {} }],
])('[R230] %s', (addresses, login) => {
  expect(natsLogin(addresses)).toEqual(login);
});

test.each([
  '',
  ' ',
  ',',
  'nats://a:4222,',
  'nats://a:4222,,nats://b:4222',
  'http://127.0.0.1:4222',
  'redis://127.0.0.1:4222',
  'ws://127.0.0.1:4222',
  'nats://',
  'nats://:4222',
  'nats://user:pass@:4222',
  'nats://127.0.0.1:99999',
  'nats://127.0.0.1:0',
  'nats://127.0.0.1:abc',
  'nats:127.0.0.1:4222',
  'nats://a b:4222',
  'nats://[::1:4222',
  'nats://127.0.0.1:4222/path',
  'nats://127.0.0.1:4222?tls=1',
  'nats://%zz@127.0.0.1:4222',
  '://',
])('[R274] NATS_URL %j is refused with a sentence that describes the valid form', (setting) => {
  const read = () => natsLogin(setting);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(/^NATS_URL has ".*", which is not the address of a NATS server: it takes nats:\/\/.*\.$/);
});

test.each(['nats://user:secret@a:99999', 'user:secret@', 'nats://secret@b@http://x:1', 'http://user:secret@a'])(
  '[R230] [R274] the refusal of %s does not show its credentials',
  (setting) => {
    expect(() => natsLogin(setting)).toThrow(ConfigError);
    expect(() => natsLogin(setting)).not.toThrow(/secret/);
  },
);
