import { describe, expect, test } from 'vitest';
import { isAllowedOrigin, parseAllowedOrigins } from '../../src/http/origin.ts';
import { ConfigError } from '../../src/process/config-error.ts';

test.each([
  [undefined, 'localhost', true],
  ['http://localhost', 'localhost', true],
  ['https://localhost', 'localhost', true],
  ['http://localhost:8000', 'localhost:8000', true],
  ['http://LOCALHOST:8000', 'localhost:8000', true],
  ['https://partner.example', 'localhost', true],
  ['http://localhost:8000', 'localhost', false],
  ['http://evil.example', 'localhost', false],
  ['http://localhost.evil.example', 'localhost', false],
  ['https://partner.example.evil.example', 'localhost', false],
  ['http://partner.example', 'localhost', false],
  ['null', 'localhost', false],
  ['', 'localhost', false],
  ['localhost', 'localhost', false],
  ['http://localhost', undefined, false],
])('[R223] [G8] a page of %s that calls %s: %s', (origin, host, allowed) => {
  expect(isAllowedOrigin({ origin, host }, ['https://partner.example'])).toBe(allowed);
});

test.each([
  ['same-origin', true],
  ['same-site', false],
  ['cross-site', false],
  ['none', false],
  [undefined, false],
])('[R223] [G8] behind a proxy that rewrites Host, a page that the browser reports as %s: %s', (fetchSite, allowed) => {
  expect(isAllowedOrigin({ origin: 'https://site.example', host: 'inside:8080', fetchSite }, [])).toBe(allowed);
});

test.each([
  ['https://site.example', 'https', true],
  ['http://site.example', 'https', false],
  ['http://site.example', 'http', true],
  ['https://site.example', 'http', true], // a proxy in front may end TLS without reporting it
  ['http://site.example', undefined, true],
])('[R223] [R316] [G8] a page of %s on a site that is served over %s: %s', (origin, scheme, allowed) => {
  expect(isAllowedOrigin({ origin, host: 'site.example', scheme }, [])).toBe(allowed);
});

test.each([
  ['http://site.example', 'site.example:80', true],
  ['https://site.example', 'site.example:443', true],
  ['https://site.example', 'site.example:80', false],
  ['https://PARTNER.example:443', 'site.example', true],
])('[R223] [R316] a page of %s that calls %s: %s, with or without the default port', (origin, host, allowed) => {
  expect(isAllowedOrigin({ origin, host }, ['https://partner.example'])).toBe(allowed);
});

describe('[R316] ALLOWED_ORIGINS', () => {
  test.each([
    ['', []],
    ['https://x.org/', ['https://x.org']],
    ['https://X.org:443,https://x.org', ['https://x.org']],
    [' http://X.org:80 , http://x.org:8080/', ['http://x.org', 'http://x.org:8080']],
    ['HTTP://localhost:5173', ['http://localhost:5173']],
    ['https://[2001:DB8::1]:443', ['https://[2001:db8::1]']],
  ])('%j: %j', (text, origins) => {
    expect(parseAllowedOrigins(text)).toEqual(origins);
  });

  test.each([
    ['*', 'every site'],
    ['https://*.x.org', 'a pattern'],
    ['null', 'not an http'],
    ['x.org', 'not an http'],
    ['x.org:443', 'not an http'],
    ['ftp://x.org', 'not an http'],
    ['https:x.org', 'not an http'],
    ['https://', 'not an http'],
    ['https://x.org/app', 'a path'],
    ['https://x.org/?a', 'a query'],
    ['https://me@x.org', 'a user'],
  ])('%s is refused, with the reason: %s', (item, reason) => {
    const parse = () => parseAllowedOrigins(`https://partner.example,${item}`);
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(`ALLOWED_ORIGINS: "${item}"`);
    expect(parse).toThrow(reason);
  });
});
