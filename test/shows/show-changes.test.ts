import { describe, expect, test } from 'vitest';
import { parseShow } from '../../src/shows/parse-show.ts';
import { showChanges } from '../../src/shows/show-changes.ts';

interface Edits {
  section?: object;
  sections?: object[];
  show?: object;
  price?: number;
}

const version = ({ section = {}, sections = [], show = {}, price = 4500 }: Edits = {}) => {
  const hall = { name: 'Hall', rows: 2, seats: 3, category: 'All', ...section };
  const file = {
    name: 'Concert',
    starts_at: '2030-05-18T19:30:00Z',
    currency: 'EUR',
    ticket_types: ['adult'],
    categories: [
      { name: 'All', colour: '#b03a2e' },
      { name: 'Rear', colour: '#2874a6' },
    ],
    prices: { All: { adult: price }, Rear: { adult: 2000 } },
    layout: { sections: [hall, ...sections] },
    ...show,
  };
  return parseShow('concert', JSON.stringify(file), 'concert.json');
};

const nothing = { added: [], removed: [], moved: [], recategorised: [], reflagged: [], prices: [], facts: [] };

describe('the changes in a new version of a show', () => {
  test('[R520] nothing, if nothing is different', () => {
    expect(showChanges(version(), version())).toEqual(nothing);
  });

  test('[R520] seats that are added, removed, or are another seat now', () => {
    expect(showChanges(version(), version({ section: { rows: 3 } })).added).toEqual(['C1', 'C2', 'C3']);
    expect(showChanges(version(), version({ section: { rows: 1 } })).removed).toEqual(['B1', 'B2', 'B3']);
    const { moved } = showChanges(version(), version({ section: { name: 'Stalls', rows: 1 } }));
    expect(moved).toHaveLength(3);
    expect(moved[0]).toEqual({ of: 'A1', from: 'Hall, row A, seat 1', to: 'Stalls, row A, seat 1' });
  });

  test('[R520] seats at another place; a shift of the whole drawing moves none', () => {
    const balcony = {
      name: 'Balcony',
      id_prefix: 'B-',
      rows: 1,
      seats: 1,
      category: 'All',
      distance: 500,
      offset: -700,
    };
    const { moved, added } = showChanges(version(), version({ sections: [balcony] }));
    expect([moved, added]).toEqual([[], ['B-A1']]);
    const shifted = showChanges(
      version({ sections: [balcony] }),
      version({ sections: [{ ...balcony, offset: -300 }] }),
    );
    expect(shifted.moved.map(({ of }) => of)).toEqual(['B-A1']);
    expect(showChanges(version(), version({ section: { aisles_after: [2] } })).moved.map(({ of }) => of)).toEqual([
      'A3',
      'B3',
    ]);
  });

  test('[R520] where as many seats stay as are shifted, those that stay have not moved', () => {
    const hall = (aisles_after: number[]) => version({ section: { rows: 1, seats: 14, aisles_after } });
    const { moved } = showChanges(hall([7]), hall([4, 10]));
    expect(moved.map(({ of }) => of)).toEqual(['A5', 'A6', 'A7', 'A11', 'A12', 'A13', 'A14']);
    for (const { from, to } of moved) expect(from).not.toBe(to);
  });

  test('[R520] categories, flags, prices and facts', () => {
    const after = version({
      section: { category_from: { B: 'Rear' }, accessible: ['A1'] },
      price: 4700,
      show: { name: 'Gala', sale_closes_at: '2030-05-18T12:00:00Z', limits: { max_holds: 2 } },
    });
    expect(showChanges(version(), after)).toEqual({
      ...nothing,
      recategorised: ['B1', 'B2', 'B3'].map((of) => ({ of, from: 'All', to: 'Rear' })),
      reflagged: [{ of: 'A1', from: 'no flags', to: 'accessible' }],
      prices: [{ of: 'All, adult', from: 'EUR 4500', to: 'EUR 4700' }],
      facts: [
        { of: 'name', from: 'Concert', to: 'Gala' },
        { of: 'sale_closes_at', from: '2030-05-18T19:30:00.000Z', to: '2030-05-18T12:00:00.000Z' },
        { of: 'max_holds', from: 'the setting', to: '2' },
      ],
    });
  });
});
