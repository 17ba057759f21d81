import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

/** Connected, and reading nothing: laptops that were closed, pages in the background of a dead network. */
export async function connectSilentClients(url: string, count: number): Promise<WebSocket[]> {
  const clients = Array.from({ length: count }, () => new WebSocket(url, { perMessageDeflate: false }));
  onTestFinished(() => {
    for (const client of clients) client.terminate();
  });
  await Promise.all(
    clients.map(async (client) => {
      client.on('error', () => {});
      await once(client, 'open');
      client.pause();
    }),
  );
  return clients;
}
