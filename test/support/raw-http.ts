import { connect, type Socket } from 'node:net';

/** A TCP connection to a server of this machine that sends any bytes. It never throws by itself. */
export async function rawSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {}); // a hostile client expects to be cut off
  await new Promise<unknown>((resolve) => socket.once('connect', resolve).once('close', resolve));
  return socket;
}

/** Unlike `once` of node:events it ignores an earlier error. */
export function whenClosed(socket: Socket): Promise<unknown> {
  return socket.closed ? Promise.resolve() : new Promise((resolve) => socket.once('close', resolve));
}

/** The reply of a server to these bytes, until it or the time-out (milliseconds) ends the connection. */
export async function askRaw(url: string, bytes: string | Buffer, timeoutMs = 2_000): Promise<string> {
  const socket = await rawSocket(url);
  let answer = '';
  socket.setEncoding('latin1').on('data', (text) => {
    answer += text;
  });
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.write(bytes);
  await whenClosed(socket);
  clearTimeout(timer);
  return answer;
}

/** The first reply: its status, and the values of each header by its name in lower case. */
export function parsedAnswer(answer: string): { status: number; headers: Map<string, string[]>; body: string } {
  const [head = '', body = ''] = answer.split(/\r\n\r\n([\s\S]*)/);
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    headers.set(name.toLowerCase(), [...(headers.get(name.toLowerCase()) ?? []), value]);
  }
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1]), headers, body };
}
