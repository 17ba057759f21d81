/**
 * The control of the slow readers: a naive edge. Every update is sent to every client by `ws`, which
 * keeps unread data of a client in memory. Prints its port, broadcasts as requested on stdin ("<updates> <bytes>"),
 * then prints "done". Run by `node --input-type=module -e`, which takes JavaScript only.
 */
export const naiveBroadcast = `
import { createInterface } from 'node:readline';
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('listening', () => process.stdout.write(server.address().port + '\\n'));
createInterface({ input: process.stdin }).on('line', async (line) => {
  const [updates, bytes] = line.split(' ').map(Number);
  for (let i = 0; i < updates; i++) {
    const update = String(i).padStart(bytes, '.');
    for (const client of server.clients) client.send(update);
    if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  process.stdout.write('done\\n');
});
`;
