import { createServer } from 'node:http';
import { connect } from '@nats-io/transport-node';
import { Compile } from 'typebox/compile';
import { type WebSocket, WebSocketServer } from 'ws';
import { subprotocol } from '../../src/protocol/close-codes.ts';
import { type SeatEvent, subjectsOf } from '../../src/protocol/events.ts';
import { VenueState } from '../../src/protocol/venue.ts';
import { setting } from './settings.ts';

/**
 * Replaces an edge: sends each event of NATS to every socket with the `send` of `ws`. SERIALISE=once: one string for all
 * clients. SERIALISE=each: one per client, as in a first version. It repairs, resumes and bounds nothing.
 */
const serialiseOnce = setting('SERIALISE') === 'once';
const nats = await connect({ servers: setting('NATS_URL') });
const position = { epoch: '', seq: 0 };
const clients = new Set<WebSocket>();

nats.subscribe(subjectsOf().seats, {
  callback(_error, message) {
    const { seat_id, status, user_id, expires_at, seq } = message.json<SeatEvent>();
    position.seq = Math.max(position.seq, seq);
    const update = () => {
      const data = {
        seat_id,
        status,
        seq,
        ...(status !== 0 && { held_by: user_id }),
        ...(expires_at && { expires_at }),
      };
      return JSON.stringify({ type: 'SEAT_UPDATE', data });
    };
    const once = serialiseOnce ? Buffer.from(update()) : undefined;
    for (const client of clients) client.send(once ?? update(), { binary: false });
  },
});
const venue = await fetch(`${setting('BOOKING_URL')}/api/venue`);
const { epoch, seq } = Compile(VenueState).Parse(await venue.json());
position.epoch = epoch;
position.seq = Math.max(position.seq, seq);

const server = createServer((_request, response) => response.end('{"status":"ok"}'));
const wss = new WebSocketServer({
  server,
  path: '/ws',
  perMessageDeflate: false,
  handleProtocols: (offered) => offered.has(subprotocol) && subprotocol,
});
wss.on('connection', (client) => {
  client.on('error', () => {});
  client.on('close', () => clients.delete(client));
  client.once('message', () => {
    client.send(JSON.stringify({ type: 'VENUE_STATE', data: { ...position, seats: [] } }));
    clients.add(client);
  });
});
server.listen({ host: '127.0.0.1', port: Number(setting('PORT')), backlog: 4_096 });
