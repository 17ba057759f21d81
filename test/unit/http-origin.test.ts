import { expect, test } from 'vitest';
import { isAllowedOrigin } from '../../src/http/origin.ts';

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
])('[R223] [G8] a page of %s, asking %s: %s', (origin, host, allowed) => {
  expect(isAllowedOrigin({ origin, host }, ['https://partner.example'])).toBe(allowed);
});
