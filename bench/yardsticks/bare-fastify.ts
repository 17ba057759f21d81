import { fastify } from 'fastify';
import { gridPlan } from '../../src/shows/default-show.ts';
import { emptySeats } from '../../src/store/empty-seats.ts';
import { setting } from './settings.ts';

/**
 * The cost of Fastify alone: it parses and checks the body, and sends a constant reply of the same length as ours. It
 * decides, stores and publishes nothing.
 */
const app = fastify({ logger: false });
const seatsJson = JSON.stringify([...emptySeats(gridPlan({ rows: 10, cols: 10 }))]);
const refusal = {
  success: false,
  error: { code: 'SEAT_HELD', message: 'Another user holds this seat', retryable: true },
  seat: { id: 'A1', row: 0, col: 0, status: 1, held_by: 'load-01234567-0', expires_at: 1700000000.123, seq: 1 },
};

app.get('/ready', async () => ({ status: 'ok' }));
app.get('/api/seats', async (_request, reply) => reply.type('application/json; charset=utf-8').send(seatsJson));
app.post<{ Body: { seat_id: string; user_id: string } }>('/api/seats/select', async ({ body }, reply) => {
  if (typeof body.seat_id !== 'string' || typeof body.user_id !== 'string') return reply.status(400).send();
  return reply.status(409).send(refusal);
});

await app.listen({ host: '127.0.0.1', port: Number(setting('PORT')) });
