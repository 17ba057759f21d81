import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import { subprotocol } from '../../src/protocol/close-codes.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';

/** A control: an edge that also sends its clients the updates of another show, as with a bus that ignores the show. */
export async function startLeakyEdge(edgeUrl: string, otherShow: string): Promise<{ url: string; close(): void }> {
  const upstreamUrl = `${edgeUrl.replace(/^http/, 'ws')}/ws`;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (client) => {
    const [own, other] = [new WebSocket(upstreamUrl, [subprotocol]), new WebSocket(upstreamUrl, [subprotocol])];
    const early: string[] = [];
    client.on('message', (data) => {
      if (own.readyState === WebSocket.OPEN) own.send(String(data));
      else early.push(String(data));
    });
    own.on('open', () => {
      for (const text of early) own.send(text);
    });
    own.on('message', (data) => client.send(String(data)));
    other.on('open', () => other.send(JSON.stringify({ type: 'CONNECT', data: { venue: otherShow } })));
    other.on('message', (data) => {
      const { type } = JSON.parse(String(data)) as ServerMessage;
      if (type === 'SEAT_UPDATE') client.send(String(data));
    });
    for (const upstream of [own, other]) upstream.on('error', () => {});
    client.on('close', () => {
      for (const upstream of [own, other]) upstream.terminate();
    });
    client.on('error', () => {});
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      for (const client of server.clients) client.terminate();
      server.close();
    },
  };
}
