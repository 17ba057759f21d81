import { expect, test } from 'vitest';
import { isOwnHost, ownHostNames } from '../../src/http/host.ts';
import { ConfigError } from '../../src/process/config-error.ts';

test.each([
  ['localhost:8000', true],
  ['LOCALHOST', true],
  ['seats.localhost', true],
  ['127.0.0.1:8080', true],
  ['192.168.1.7', true],
  ['[::1]:8000', true],
  ['[2001:db8::1]', true],
  ['booking:8080', true],
  ['my-laptop', true],
  ['my-laptop.local:8000', true],
  ['booking.shop.svc.cluster.local', true],
  ['tickets.example.org', true],
  ['Tickets.example.org.:443', true],
  [undefined, true],
  ['evil.example.com', false],
  ['evil.example.com:8000', false],
  ['127.0.0.1.evil.example.com', false],
  ['localhost.evil.example.com', false],
  ['tickets.example.org.evil.example.com', false],
  ['evil.example.com:80@localhost', false],
  ['localhost/evil', false],
  ['evil.example.com\t', false],
  ['', false],
])('[R342] [G8] a request over plain HTTP with the host %s is accepted: %s', (host, isOurs) => {
  expect(isOwnHost({ host, scheme: 'http' }, ['tickets.example.org'])).toBe(isOurs);
});

test.each([
  [{ scheme: 'https' }, true],
  [{ fetchSite: 'same-origin' }, true],
  [{ scheme: 'http' }, false],
  [{}, false],
])('[R342] any name is accepted if TLS proves it: %j: %s', (proof, isOurs) => {
  expect(isOwnHost({ host: 'seats.example.com', ...proof }, [])).toBe(isOurs);
});

test('[R342] the hosts of ALLOWED_ORIGINS and ALLOWED_HOSTS are accepted', () => {
  const names = ownHostNames('Seats.example.org, shop.example.org.', ['https://partner.example.org:8443']);
  expect(names).toEqual(expect.arrayContaining(['seats.example.org', 'shop.example.org', 'partner.example.org']));
});

test.each(['*', '*.example.org', 'https://example.org', 'example.org:80', '127.0.0.1', 'a b'])(
  '[R342] ALLOWED_HOSTS=%s is refused with the value',
  (item) => {
    expect(() => ownHostNames(`good.example.org,${item}`, [])).toThrow(ConfigError);
    expect(() => ownHostNames(item, [])).toThrow(`ALLOWED_HOSTS: "${item}"`);
  },
);
