import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Hall {
  rows: number;
  cols: number;
  /** In minor units. With a price, the show is sold by orders. */
  price?: number;
}

/** Writes the file of a show in one rectangular section into a folder of shows. */
export function writeHall(folder: string, id: string, { rows, cols, price }: Hall): void {
  const category = 'Standard';
  const file = {
    name: id,
    starts_at: '2099-01-01T20:00:00Z',
    ...(price !== undefined && { currency: 'EUR', ticket_types: ['adult'], prices: { [category]: { adult: price } } }),
    categories: [{ name: category, colour: '#1e8449' }],
    layout: { sections: [{ name: 'Hall', rows, seats: cols, category }] },
  };
  writeFileSync(join(folder, `${id}.json`), JSON.stringify(file));
}
