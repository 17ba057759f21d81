import { expect, test } from 'vitest';
import { loadLaunchConfig } from '../../src/launch/launch-config.ts';
import { loadBookingConfig, loadEmbeddedConfig } from '../../src/process/config.ts';

test.each([
  ['on loopback', {}, 'on'],
  ['on loopback, turned off', { INSPECT: 'off' }, 'off'],
  ['for the whole network', { HTTP_HOST: '0.0.0.0', AUTH_MODE: 'guest' }, 'off'],
  ['for the whole network, turned on', { HTTP_HOST: '0.0.0.0', AUTH_MODE: 'guest', INSPECT: 'on' }, 'on'],
])('[R158] ./start.sh %s', async (_where, env, inspect) => {
  expect((await loadLaunchConfig({ HTTP_PORT: '8123', ...env })).env.INSPECT).toBe(inspect);
});

test('[R158] a process that is started without the launcher, as in Docker, has the inspector off by default', () => {
  expect([loadBookingConfig({}).INSPECT, loadEmbeddedConfig({}).INSPECT]).toEqual(['off', 'off']);
});
