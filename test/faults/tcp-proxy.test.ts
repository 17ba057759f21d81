import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** A server that echoes everything in capitals, and the proxy in front of it. */
async function echoBehindProxy(): Promise<{ proxy: TcpProxy; heard: () => string }> {
  let heard = '';
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      heard += chunk;
      socket.write(chunk.toString().toUpperCase());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await startTcpProxy((server.address() as AddressInfo).port);
  onTestFinished(async () => {
    await proxy.close();
    server.close();
  });
  return { proxy, heard: () => heard };
}

class Client {
  received = '';
  isClosed = false;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.isClosed = true;
    });
    this.socket.on('data', (chunk) => {
      this.received += chunk;
    });
    onTestFinished(() => void this.socket.destroy());
  }

  async says(text: string, answer: string): Promise<void> {
    this.socket.write(text);
    await expect.poll(() => this.received).toBe(answer);
  }
}

test('[proxy] forwards data and its end in both directions', async () => {
  const { proxy } = await echoBehindProxy();
  const client = new Client(proxy.port);
  await client.says('one', 'ONE');
  client.socket.end();
  await expect.poll(() => client.isClosed).toBe(true);
});

test('[proxy] a delay applies to each direction, in order', async () => {
  const { proxy } = await echoBehindProxy();
  const client = new Client(proxy.port);
  await client.says('a', 'A');
  proxy.delay(60);
  const startedAtMs = performance.now();
  client.socket.write('b');
  await new Promise((resolve) => setTimeout(resolve, 20));
  proxy.delay(0);
  await client.says('c', 'ABC');
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(55);
});

test('[proxy] drop cuts and refuses, cut only cuts, heal forwards again', async () => {
  const { proxy } = await echoBehindProxy();
  const [first, second] = [new Client(proxy.port), new Client(proxy.port)];
  await first.says('x', 'X');
  proxy.cut();
  await expect.poll(() => [first.isClosed, second.isClosed]).toEqual([true, true]);
  await new Client(proxy.port).says('y', 'Y');

  proxy.drop();
  const refused = new Client(proxy.port);
  await expect.poll(() => refused.isClosed).toBe(true);
  proxy.heal();
  await new Client(proxy.port).says('z', 'Z');
});

test('[proxy] swallows replies only: the request arrives, its connection does not outlive the gap', async () => {
  const { proxy, heard } = await echoBehindProxy();
  const client = new Client(proxy.port);
  await client.says('a', 'A');
  proxy.swallowReplies(true);
  client.socket.write('b');
  await expect.poll(() => heard()).toBe('ab');
  expect(client.isClosed).toBe(false);
  proxy.swallowReplies(false);
  await expect.poll(() => client.isClosed).toBe(true);
  expect(client.received).toBe('A');
});

test('[proxy] hangs silently, for new connections too, and then continues', async () => {
  const { proxy, heard } = await echoBehindProxy();
  const client = new Client(proxy.port);
  await client.says('a', 'A');
  proxy.hang();
  const late = new Client(proxy.port);
  await once(late.socket, 'connect');
  client.socket.write('b');
  late.socket.write('l');
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect([heard(), client.isClosed, late.isClosed]).toEqual(['a', false, false]);
  proxy.heal();
  await client.says('c', 'ABC');
  await late.says('m', 'LM');
});
