import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { requireCheckoutSettings } from '../../src/booking/checkout-settings.ts';
import { authModeOf } from '../../src/identity/auth-mode.ts';
import { newSessionKey } from '../../src/identity/session-keys.ts';
import { commaList, loadBookingConfig, loadEdgeConfig, loadEmbeddedConfig } from '../../src/process/config.ts';
import { ConfigError } from '../../src/process/config-error.ts';

function errorOf(load: () => unknown): ConfigError {
  try {
    load();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('The settings were accepted');
}

test('[R26] every setting has a default', () => {
  expect(loadBookingConfig({})).toEqual({
    OTEL_EXPORTER_OTLP_ENDPOINT: '',
    OTEL_EXPORTER_OTLP_HEADERS: '',
    OTEL_RESOURCE_ATTRIBUTES: '',
    OTEL_TRACES_SAMPLER: 'parentbased_always_on',
    OTEL_TRACES_SAMPLER_ARG: 1,
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    PORT: 8080,
    VENUE: 'main',
    VENUE_ROWS: 10,
    VENUE_COLS: 10,
    HOLD_SECONDS: 30,
    HOLD_EXTENSIONS: 10,
    MAX_HOLDS_PER_USER: 6,
    REHOLD_COOLDOWN_MS: 0,
    SESSION_HOURS: 24,
    SESSION_MAX_DAYS: 30,
    ALLOWED_HOSTS: '',
    ALLOWED_ORIGINS: '',
    TRUSTED_PROXIES: '127.0.0.1,::1',
    RATE_LIMIT: 'on',
    REQUESTS_PER_SECOND_PER_ADDRESS: 100,
    REQUESTS_PER_SECOND_PER_USER: 20,
    SESSIONS_PER_MINUTE_PER_ADDRESS: 300,
    SESSION_COOKIE: 'session',
    HOLDS_PER_ADDRESS: 30,
    REDIS_KEY_PREFIX: '',
    NATS_URL: 'nats://127.0.0.1:4222',
    NATS_STREAM_REPLICAS: 1,
    PAYMENT_PROVIDER: 'off',
    PAYMENT_SECONDS: 600,
    SHOP_URL: '',
    INSPECT: 'off',
    INSPECTOR_URL: 'https://stately.ai/inspect',
    INSPECT_PEERS: '',
    INSPECT_HOSTS: '',
    STATUS_PEERS: '',
  });
  expect(loadEdgeConfig({}).PORT).toBe(3000);
  expect(loadEmbeddedConfig({})).toMatchObject({ PORT: 8000, TRUSTED_PROXIES: '' });
});

test('[R26] numbers are parsed from text, including fractions; unknown variables are dropped', () => {
  const config = loadBookingConfig({ PORT: '8081', HOLD_SECONDS: '0.5', HOME: '/root' });
  expect(config).toMatchObject({ PORT: 8081, HOLD_SECONDS: 0.5 });
  expect(config).not.toHaveProperty('HOME');
});

describe('[R26] a setting that cannot be used is refused by name', () => {
  test.each([
    ['PORT', 'eighty'],
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '80.5'],
    ['HOLD_SECONDS', '0'],
    ['HOLD_SECONDS', '-1'],
    ['HOLD_SECONDS', 'soon'],
    ['HOLD_SECONDS', '86401'],
    ['VENUE_ROWS', '0'],
    ['VENUE_ROWS', '18279'],
    ['VENUE_COLS', '100000'],
    ['VENUE', 'Main Hall'],
    ['REDIS_URL', '127.0.0.1:6379'],
    ['LOG_LEVEL', 'loud'],
    ['SESSION_COOKIE', 'a session'],
    ['SESSION_COOKIE', ''],
    ['INSPECT', 'yes'],
    ['INSPECTOR_URL', 'javascript:alert(1)'],
    ['INSPECT_PEERS', 'localhost:8080'],
    ['STATUS_PEERS', 'localhost:8080'],
  ])('%s=%s', (name, value) => {
    expect(errorOf(() => loadBookingConfig({ [name]: value })).message).toContain(name);
  });

  test.each([loadBookingConfig, loadEmbeddedConfig])(
    '[R288] [G10] rows and columns together: at most 100,000 seats',
    (load) => {
      const { message } = errorOf(() => load({ VENUE_ROWS: '18278', VENUE_COLS: '99999' }));
      expect(message).toContain('VENUE_ROWS=18278 and VENUE_COLS=99999 make 1827781722 seats');
      expect(message).toContain('100000');
      expect(errorOf(() => load({ VENUE_ROWS: '317', VENUE_COLS: '316' })).message).toContain('VENUE_COLS');
      for (const [rows, cols] of [
        ['316', '316'],
        ['1', '99999'],
        ['18278', '5'],
      ]) {
        expect(load({ VENUE_ROWS: rows, VENUE_COLS: cols }).VENUE_ROWS).toBe(Number(rows));
      }
    },
  );

  test.each([
    ['PORT', 'abc', 'a whole number from 1 to 65535'],
    ['PORT', '80.5', 'a whole number from 1 to 65535'],
    ['MAX_HOLDS_PER_USER', '', 'a whole number from 1 to 10000'],
    ['HOLDS_PER_ADDRESS', '0', 'a whole number, at least 1'],
    ['HOLD_SECONDS', '0', 'a number above 0, at most 86400'],
    ['LOG_LEVEL', 'loud', 'one of trace, debug, info, warn, error, fatal, silent'],
    ['VENUE', 'Main Hall', '1 to 32 characters of a-z, 0-9 and -'],
    ['REDIS_URL', 'localhost:6379', 'a URL that begins with redis:// or rediss://, or unset'],
    ['REDIS_CA', '/etc/ca.pem', 'a certificate in PEM, or unset'],
    ['REDIS_WAIT_REPLICAS', '-1', 'a whole number from 0 to 9'],
    ['SESSION_KEYS', '', 'a comma list of <id>:<secret in base64url>, or unset'],
    ['TICKET_KEYS', '', 'a comma list of <id>:<secret in base64url>, or unset'],
    ['PAYMENT_PROVIDER', 'paypal', 'one of off, sandbox, stripe'],
    ['PAYMENT_SECONDS', '59', 'a number from 60 to 3600'],
    ['SHOP_URL', 'tickets.example', 'the origin of the shop, such as https://tickets.example, or empty'],
    ['SHOP_URL', 'https://tickets.example/shop', 'the origin of the shop, such as https://tickets.example, or empty'],
    ['STRIPE_API_URL', 'http://api.example:80', 'http://127.0.0.1:<port> of a stand-in for Stripe, or unset'],
    ['STRIPE_API_URL', 'http://127.0.0.1.example:80', 'http://127.0.0.1:<port> of a stand-in for Stripe, or unset'],
  ])('[R440] the message names the setting, its value and the remedy: %s=%s', (name, value, must) => {
    const { message } = errorOf(() => loadBookingConfig({ [name]: value }));
    expect(message.split('\n')).toEqual([
      'These settings cannot be used:',
      `  ${name}="${value}": must be ${must}`,
      'docs/configuration.md explains every setting.',
    ]);
  });

  test('[R440] a comma list of URLs is checked', () => {
    expect(errorOf(() => loadEdgeConfig({ BOOKING_URLS: 'http://a:1,b:2' })).message).toContain(
      'BOOKING_URLS="http://a:1,b:2": must be a comma list of http:// URLs',
    );
    expect(loadEdgeConfig({ BOOKING_URLS: 'http://a:1, http://[::1]:2' }).BOOKING_URLS).toContain('[::1]');
    expect(loadBookingConfig({ INSPECT_PEERS: '' }).INSPECT_PEERS).toBe('');
  });

  test('[R440] [G8] no password is shown, whatever the rest of the value is', () => {
    const { message } = errorOf(() => loadBookingConfig({ REDIS_URL: 'http://user:secret@redis:6379' }));
    expect(message).toContain('REDIS_URL="http://…@redis:6379"');
    expect(errorOf(() => loadBookingConfig({ REDIS_URL: 'user:secret@redis' })).message).not.toContain('secret');
  });

  test.each([
    ['SANDBOX_WEBHOOK_SECRET', 'short-secret', 'at least 16 characters, or unset'],
    ['STRIPE_SECRET_KEY', 'pk_live_secret', 'a secret key of Stripe (sk_… or rk_…), or unset'],
    ['STRIPE_WEBHOOK_SECRET', 'a-secret', 'the secret of a webhook endpoint (whsec_…), or unset'],
  ])('[R911] a secret is not quoted: %s', (name, value, must) => {
    const { message } = errorOf(() => loadBookingConfig({ [name]: value }));
    expect(message).toContain(`${name}="…": must be ${must}`);
    expect(message).not.toContain(value);
  });

  test('[R911] what the settings of checkout need together', () => {
    const check = (env: Record<string, string>) => requireCheckoutSettings(loadBookingConfig(env));
    const stripe = { PAYMENT_PROVIDER: 'stripe', STRIPE_SECRET_KEY: 'sk_test_1' };
    expect(errorOf(() => check(stripe)).message).toBe(
      'PAYMENT_PROVIDER=stripe needs STRIPE_WEBHOOK_SECRET, SHOP_URL too.',
    );
    check({ ...stripe, STRIPE_WEBHOOK_SECRET: 'whsec_1', SHOP_URL: 'https://tickets.example' });
    const { message } = errorOf(() => check({ TICKET_KEYS: 'a:c2VjcmV0' }));
    expect(message).toBe('TICKET_KEYS: the secret of a has less than 32 bytes.');
    check({ TICKET_KEYS: newSessionKey() });
  });

  test('all problems are reported at once', () => {
    const { message } = errorOf(() => loadBookingConfig({ PORT: 'x', HOLD_SECONDS: 'y', LOG_LEVEL: 'z' }));
    for (const name of ['PORT', 'HOLD_SECONDS', 'LOG_LEVEL']) expect(message).toContain(name);
  });
});

describe('[R224] [G8] beyond loopback AUTH_MODE is required', () => {
  const config = (env: NodeJS.ProcessEnv) => authModeOf(loadBookingConfig(env));

  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('guests are allowed on %s', (HOST) => {
    expect(config({ HOST })).toBe('guest');
  });
  test.each(['0.0.0.0', '::', '192.168.0.7', 'example.org', '127.0.0.1.example.org'])('%s is refused', (HOST) => {
    expect(errorOf(() => config({ HOST })).message).toMatch(/AUTH_MODE=required/);
    expect(config({ HOST, AUTH_MODE: 'guest' })).toBe('guest');
    expect(config({ HOST, AUTH_MODE: 'required' })).toBe('required');
  });
});

test('[R26] a comma list may have spaces and empty items', () => {
  expect(commaList('3000, 3001,,')).toEqual(['3000', '3001']);
  expect(commaList(' ')).toEqual([]);
});

describe('[R231] a setting may be in a file, as secrets of containers are', () => {
  const folder = mkdtempSync(join(tmpdir(), 'concert-booking-config-'));
  const file = join(folder, 'redis-url');
  writeFileSync(file, 'redis://booking:secret@redis:6379\n');
  afterAll(() => rmSync(folder, { recursive: true }));

  test('that NAME_FILE names; the line end is dropped', () => {
    expect(loadBookingConfig({ REDIS_URL_FILE: file }).REDIS_URL).toBe('redis://booking:secret@redis:6379');
  });

  test('the setting itself has precedence', () => {
    expect(loadBookingConfig({ REDIS_URL_FILE: file, REDIS_URL: 'redis://a:1' }).REDIS_URL).toBe('redis://a:1');
  });

  test('[R440] its content is checked and never shown; a file that cannot be read is named', () => {
    const { message } = errorOf(() => loadBookingConfig({ HOLD_SECONDS_FILE: file }));
    expect(message).toContain(
      `HOLD_SECONDS_FILE="${file}": must be a file that contains a number above 0, at most 86400`,
    );
    expect(message).not.toContain('secret');
    const missing = join(folder, 'none');
    expect(errorOf(() => loadBookingConfig({ REDIS_URL_FILE: missing })).message).toMatch(
      /^REDIS_URL_FILE=".*none": must be a file that this process can read \(ENOENT/,
    );
  });
});
