import { expect, test } from 'vitest';
import { parseShow } from '../../src/shows/parse-show.ts';
import { severalShows, testShow } from '../support/several-shows.ts';
import { showsSystem } from '../support/shows-system.ts';

/** A row of `seats` seats, from a file as an organiser writes it. */
function rowOf(seats: number, single_seats?: 'warn' | 'refuse') {
  const file = {
    name: 'Hall',
    starts_at: '2099-01-01T20:00:00Z',
    categories: [{ name: 'Standard', colour: '#1e8449' }],
    ...(single_seats && { single_seats }),
    layout: { sections: [{ name: 'Hall', rows: 1, seats, category: 'Standard' }] },
  };
  return parseShow('hall', JSON.stringify(file), 'hall.json');
}

const sale = (show: ReturnType<typeof rowOf>) => severalShows({ shows: [testShow('main'), show] });
const user_id = 'ann';

test('[R628] [R545] "refuse": a choice that leaves a single seat is 409 SINGLE_SEAT, and names an alternative', async () => {
  const { post, shows } = await sale(rowOf(6, 'refuse'));
  const refused = await post('hall/holds', { seats: ['A2', 'A3'], user_id });
  expect(refused).toMatchObject({
    status: 409,
    body: {
      success: false,
      error: { code: 'SINGLE_SEAT', retryable: false, message: 'This would leave A1 alone; take A1, A2 instead' },
    },
  });
  const one = await post('hall/seats/select', { seat_id: 'A2', user_id });
  expect(one).toMatchObject({
    status: 409,
    body: { error: { message: 'This would leave A1 alone; take A1 instead' } },
  });
  expect(shows.get('hall').service.view.seq).toBe(0);
  expect((await post('hall/holds', { seats: ['A1', 'A2'], user_id })).status, 'what it named').toBe(200);
});

test('[R628] own holds count as chosen, and those of others as taken', async () => {
  const { post } = await sale(rowOf(7, 'refuse'));
  expect((await post('hall/holds', { seats: ['A1'], user_id })).status).toBe(200);
  expect((await post('hall/holds', { seats: ['A2', 'A3'], user_id })).status, 'next to the own seat').toBe(200);
  expect((await post('hall/holds', { seats: ['A1', 'A2', 'A3'], user_id })).status, 'the same again').toBe(200);
  const bob = await post('hall/holds', { seats: ['A5'], user_id: 'bob' });
  expect(bob.body.error).toMatchObject({ code: 'SINGLE_SEAT' });
  expect(bob.body.error.message).toMatch(/^This would leave A4 alone; take A[47] instead$/);
  expect((await post('hall/holds', { seats: ['A4'], user_id: 'bob' })).status).toBe(200);
});

test('[R628] a choice without a better one in its row is granted', async () => {
  const { post } = await sale(rowOf(3, 'refuse'));
  expect((await post('hall/holds', { seats: ['A1', 'A2'], user_id })).status).toBe(200);
});

test.each(['warn', undefined] as const)(
  '[R628] single_seats %s refuses nothing: the page warns',
  async (singleSeats) => {
    const { post, app } = await sale(rowOf(6, singleSeats));
    expect((await app.inject({ url: '/api/shows/hall' })).json().single_seats).toBe('warn');
    expect((await post('hall/holds', { seats: ['A2', 'A3'], user_id })).status).toBe(200);
  },
);

test('[R628] over the WebSocket, too', async () => {
  const { edges, booking } = await showsSystem({ shows: [testShow('main'), rowOf(6, 'refuse')] });
  const client = await (edges[0] as (typeof edges)[number]).connect(['seat-booking.v1']);
  client.send({ type: 'CONNECT', data: { venue: 'hall', user_id } });
  client.send({ type: 'HOLD_SEATS', request_id: 1, data: { seats: ['A2'] } });
  const { data } = await client.received('ERROR');
  expect(data).toMatchObject({ code: 'SINGLE_SEAT', message: 'This would leave A1 alone; take A1 instead' });
  expect(booking.shows.get('hall').service.view.seq).toBe(0);
});
