import { describe, expect, test } from 'vitest';
import { parseTrustedProxies } from '../../src/http/trusted-proxies.ts';
import { ConfigError } from '../../src/process/config-error.ts';

describe('[R311] TRUSTED_PROXIES', () => {
  test.each([
    ['', []],
    ['127.0.0.1,::1', ['127.0.0.1/32', '::1/128']],
    [' 10.1.2.3/8 , 10.0.0.0/8 ', ['10.0.0.0/8']],
    ['2001:DB8::5/32', ['2001:db8::/32']],
    ['::ffff:10.0.0.1', ['10.0.0.1/32']],
    ['::ffff:10.0.0.0/104', ['10.0.0.0/8']],
    ['loopback', ['127.0.0.0/8', '::1/128']],
    ['LinkLocal', ['169.254.0.0/16', 'fe80::/10']],
    ['uniquelocal', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']],
  ])('%j: %j', (text, networks) => {
    expect(parseTrustedProxies(text)).toEqual(networks);
  });

  test.each([
    'proxy.example',
    '*',
    'true',
    '1',
    '10.0.0',
    '0x7f.1',
    '10.0.0.0/33',
    '::1/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '0.0.0.0/0',
    '::/0',
    '127.0.0.1;',
  ])('%s is refused with the value, the setting and the valid forms', (item) => {
    const parse = () => parseTrustedProxies(`127.0.0.1,${item}`);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(`TRUSTED_PROXIES: "${item}"`);
    expect(parse).toThrow('loopback, linklocal, uniquelocal');
  });
});
