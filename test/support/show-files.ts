import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

interface Hall {
  rows?: number;
  seats?: number;
  limits?: object;
  /** In minor units of EUR, for every seat; absent: the show is free. */
  price?: number;
}

/** A show with one section of rows A, B … */
export const showFile = (name: string, { rows = 2, seats = 5, limits = {}, price }: Hall = {}): string =>
  JSON.stringify({
    name,
    starts_at: '2099-01-01T20:00:00Z',
    categories: [{ name: 'Standard', colour: '#1e8449' }],
    limits,
    ...(price !== undefined && {
      currency: 'EUR',
      ticket_types: ['adult'],
      prices: { Standard: { adult: price } },
    }),
    layout: { sections: [{ name: 'Hall', rows, seats, category: 'Standard' }] },
  });

/** A folder for SHOWS_DIR with a file for each id; deleted after the test. */
export function showsFolder(ids: readonly string[], hall?: Hall): string {
  const folder = mkdtempSync(join(tmpdir(), 'shows-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const id of ids) writeFileSync(join(folder, `${id}.json`), showFile(id, hall));
  return folder;
}
