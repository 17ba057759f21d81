import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PageTemplate } from '../../src/booking/page-template.ts';

const html =
  '<!-- seats -->|<!-- available -->/<!-- total --> <!-- held --> <!-- booked --> <!-- hold_seconds --> <!-- max_holds --><!-- other -->';
const places = ['seats', 'available', 'total', 'held', 'booked', 'hold_seconds', 'max_holds'] as const;
const contents = { seats: '<b>$& $1</b>', available: 1, total: 2, held: 3, booked: 4, hold_seconds: 30, max_holds: 6 };

test('[R120] a page is filled exactly at its marks', () => {
  expect(new PageTemplate(html, places).fill(contents)).toBe('<b>$& $1</b>|1/2 3 4 30 6<!-- other -->');
});

test('[R120] a page without a mark is refused at the start, with the mark in the message', () => {
  expect(() => new PageTemplate(html.replace('<!-- held -->', ''), places)).toThrow('no place for held');
});

test('[R120] different pages have different hashes', () => {
  expect(new PageTemplate(html, places).hash).toBe(new PageTemplate(html, places).hash);
  expect(new PageTemplate(html, places).hash).not.toBe(new PageTemplate(`${html} `, places).hash);
});

const pages = ['index.html', 'order.html', 'show.html', 'shows.html'];

test.each(pages)('[R121] %s contains no inline code that its policy forbids', (file) => {
  const page = readFileSync(`public/${file}`, 'utf8');
  expect(page).not.toMatch(/<style|style="|<script(?![^>]*(src=|type="text\/html"))|\son[a-z]+="/);
});

test.each(pages)('[R455] what is hidden in %s comes in data blocks, which no text browser shows', (file) => {
  const page = readFileSync(`public/${file}`, 'utf8');
  expect(page.match(/\shidden(?=[\s>])/g)?.length).toBeGreaterThan(0);
  const shown = page.replaceAll(/<script.*?<\/script>/gs, '');
  const hidden = [...shown.matchAll(/<(\w+)[^>]*\shidden[\s>].*?<\/\1>/gs)].map(([html]) =>
    html.replaceAll(/<[^>]*>/g, '').trim(),
  );
  expect(
    hidden.filter((text) => text !== ''),
    'hidden elements with a text',
  ).toEqual([]);
});
