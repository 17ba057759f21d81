import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { badPorts } from '../../src/launch/bad-ports.ts';
import { loadLaunchConfig } from '../../src/launch/launch-config.ts';
import { listenHost } from '../../src/launch/listen-host.ts';

const undici: { badPortsSet: Set<string> } = createRequire(import.meta.url)(
  '../../node_modules/undici/lib/web/fetch/constants.js',
);

const guest = { HTTP_PORT: '18080', AUTH_MODE: 'guest' };

describe('[R297] ports that browsers refuse', () => {
  test('are those of the Fetch standard, as in undici', () => {
    expect([...badPorts].map(String).toSorted()).toEqual([...undici.badPortsSet].toSorted());
  });

  test.each([
    ['HTTP_PORT', '6000'],
    ['HTTP_PORT', '10080'],
    ['BOOKING_PORTS', '8080,6667'],
    ['BOOKING_PORT', '6666'],
    ['EDGE_PORTS', '5060,5070'],
  ])('%s=%s', async (setting, ports) => {
    const config = loadLaunchConfig({ ...guest, [setting]: ports });
    await expect(config).rejects.toThrow(/PORTS?: browsers refuse to connect to port \d+/);
  });

  test('are never suggested instead of another', async () => {
    await expect(loadLaunchConfig({ HTTP_PORT: '6566' })).rejects.toThrow('e.g. HTTP_PORT=8000');
  });
});

describe('[R440] the message names the setting, its value and the remedy', () => {
  test.each([
    ['HTTP_PORT', 'abc', 'a whole number from 1 to 65535'],
    ['HTTP_PORT', '70000', 'a whole number from 1 to 65535'],
    ['BOOKING_PORTS', '8080,http', 'a comma list of whole numbers from 1 to 65535'],
    ['EDGE_PORTS', '', 'a comma list of whole numbers from 1 to 65535'],
    ['NATS_MONITORING', 'yes', 'a whole number from 1 to 65535, or off'],
    ['SERVERS', 'cloud', 'one of auto, docker, machine, embedded'],
    ['HOLD_SECONDS', 'long', 'a number above 0, at most 86400'],
    ['PAYMENT_PROVIDER', 'paypal', 'one of off, sandbox, stripe'],
  ])('%s=%s', async (name, value, must) => {
    await expect(loadLaunchConfig({ ...guest, [name]: value })).rejects.toThrow(`${name}="${value}": must be ${must}`);
  });
});

describe('[R911] the settings of checkout are checked before anything is started', () => {
  test.each([
    [
      { PAYMENT_PROVIDER: 'stripe' },
      'PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, SHOP_URL',
    ],
    [{ TICKET_KEYS: 'key' }, 'TICKET_KEYS: the secret of key has less than 32 bytes'],
  ])('%j', async (settings, problem) => {
    await expect(loadLaunchConfig({ ...guest, ...settings })).rejects.toThrow(problem);
  });
});

describe('[R988] settings of TLS', () => {
  test.each([
    [{ TLS_CERT: '/cert.pem' }, 'TLS_CERT is set without TLS_KEY'],
    [{ TLS_KEY: '/key.pem' }, 'TLS_KEY is set without TLS_CERT'],
    [{ TLS_CERT: 'self-made', TLS_KEY: '/key.pem' }, 'TLS_CERT=self-made makes its own key'],
    [{ TLS_CERT: 'self-made', HTTPS_PORT: '18080' }, 'Port 18080 is given twice: in HTTP_PORT and in HTTPS_PORT'],
    [{ TLS_CERT: 'self-made', HTTPS_PORT: '6000' }, 'HTTPS_PORT: browsers refuse to connect to port 6000'],
  ])('%j is refused', async (settings, message) => {
    await expect(loadLaunchConfig({ ...guest, ...settings })).rejects.toThrow(message);
  });

  test('without them there is plain HTTP', async () => {
    expect(await loadLaunchConfig(guest)).not.toHaveProperty('tls');
    const given = await loadLaunchConfig({ ...guest, TLS_CERT: '/cert.pem', TLS_KEY: '/key.pem', HTTPS_PORT: '18443' });
    expect(given.tls).toEqual({ port: 18443, files: { certFile: '/cert.pem', keyFile: '/key.pem' } });
  });
});

describe('[R296] HTTP_HOST', () => {
  test.each([
    ['[::1]', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['::0', '::'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['127.0.0.1', '127.0.0.1'],
    ['localhost', 'localhost'],
  ])('%s is %s', (setting, host) => expect(listenHost(setting)).toBe(host));

  test.each(['203.0.113.7', 'nowhere.invalid', '2001:db8::7', 'a b;', 'fe80::1%none'])(
    '%s is no address of this machine',
    async (HTTP_HOST) => {
      const config = loadLaunchConfig({ ...guest, HTTP_HOST });
      await expect(config).rejects.toThrow(`HTTP_HOST=${HTTP_HOST} is not an address of this machine (`);
    },
  );
});
