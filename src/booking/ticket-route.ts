import { Type } from 'typebox';
import type { HttpApp } from '../http/http-app.ts';
import { RefusedError } from '../http/refused-error.ts';
import { TicketReply } from '../protocol/order.ts';
import type { Checkout } from './checkout.ts';

/** `GET /api/tickets/:code`: for the door. */
export function registerTicketRoute(app: HttpApp, { ledger, tickets }: Checkout): void {
  const schema = {
    tags: ['orders'],
    operationId: 'getTicket',
    summary: 'Verify the code of a ticket',
    description: 'Needs no session: the holder of the code has the ticket.',
    params: Type.Object({ code: Type.String({ maxLength: 200, description: 'As the QR code has it' }) }),
    response: { 200: TicketReply },
  };
  const config = { apiDocument: { refusals: ['NOT_FOUND', 'STORE_UNAVAILABLE'] as const } };
  app.get('/api/tickets/:code', { schema, config }, async ({ params }, reply) => {
    const id = tickets.verify(params.code);
    const ticket = id === undefined ? undefined : await ledger.ticket(id);
    if (!ticket) throw new RefusedError('NOT_FOUND', 'This is not the code of a ticket');
    const { show, seatId: seat, issuedAtMs, voidedAtMs } = ticket;
    reply.header('cache-control', 'no-store');
    return { valid: voidedAtMs === undefined, show, seat, issued_at: new Date(issuedAtMs).toISOString() };
  });
}
