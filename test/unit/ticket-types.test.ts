import { expect, test } from 'vitest';
import { TicketTypes } from '../../src/browser/ticket-types.ts';

function start(stored: Record<string, string> = {}) {
  const kept = new Map(Object.entries(stored));
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  let types = ['adult', 'child'];
  const open = () => new TicketTypes({ show: 'opera', types: () => types, storage: () => storage });
  const setTypes = (next: string[]) => {
    types = next;
  };
  return { tickets: open(), open, kept, setTypes };
}

test('[R651] the first type is the default; a choice is kept for the next page, and ends with the hold', () => {
  const { tickets, open, kept } = start();
  expect(tickets.typeOf('A1')).toBe('adult');
  tickets.choose('A1', 'child');
  tickets.choose('A2', 'child');
  const next = open();
  next.takeHeld([]); // the seats are not known yet
  expect(next.typeOf('A1')).toBe('child');
  next.takeHeld(['A1', 'A2']);
  next.takeHeld(['A2']);
  expect([next.typeOf('A1'), next.typeOf('A2')]).toEqual(['adult', 'child']);
  expect(kept.get('ticket-types:opera')).toBe('{"A2":"child"}');
});

test('[R651] a type that the show no longer has is not used', () => {
  const { tickets, setTypes } = start({ 'ticket-types:opera': '{"A1":"child"}' });
  setTypes(['adult', 'senior']);
  expect(tickets.typeOf('A1')).toBe('adult');
  setTypes([]);
  expect(tickets.typeOf('A1')).toBeUndefined();
});

test.each(['{', 'null', '[1]', '{"A1":7}'])('[R651] %s in the storage is no choice', (text) => {
  expect(start({ 'ticket-types:opera': text }).tickets.typeOf('A1')).toBe('adult');
});

test('[R651] a browser that keeps nothing still has the choice for this page', () => {
  const storage = () => {
    throw new Error('denied');
  };
  const tickets = new TicketTypes({ show: 'opera', types: () => ['adult', 'child'], storage });
  tickets.choose('A1', 'child');
  expect(tickets.typeOf('A1')).toBe('child');
});
