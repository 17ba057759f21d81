import { createServer } from 'node:http';

// Accepts the attacker's load and does nothing with it: shows the cost of the load itself on the shared cores.
// Sends its URL to its parent.

const server = createServer((request, response) => {
  request.resume();
  response.end();
});
server.on('upgrade', (_request, socket) => {
  socket.on('error', () => socket.destroy());
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
  socket.resume();
});
server.on('clientError', (_error, socket) => socket.destroy());
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.send?.(`http://127.0.0.1:${typeof address === 'object' && address?.port}`);
});
process.once('disconnect', () => process.exit());
