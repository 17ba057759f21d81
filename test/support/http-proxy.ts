import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

export interface HttpProxyOptions {
  /** An upgrade is passed on as an ordinary request, as by a proxy that does not know WebSockets. */
  dropsUpgrade?: boolean;
  /** The server sees its own name and not the one that the browser used. */
  rewritesHost?: boolean;
  /** As if the page were served over plain HTTP beyond this machine: browsers send no Sec-Fetch-* from there. */
  dropsFetchMetadata?: boolean;
  /** No cookie reaches either side, as in a browser that blocks them. */
  stripsCookies?: boolean;
  /** Requests of the page's session wait for it. */
  sessionAfter?: Promise<void>;
}

/** A third-party proxy between a browser and the system. Its options may change while it runs. */
export interface HttpProxy {
  readonly url: string;
  options: HttpProxyOptions;
  /** `METHOD /path` of each request, in order. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function startHttpProxy(targetUrl: string, options: HttpProxyOptions): Promise<HttpProxy> {
  const target = new URL(targetUrl);
  const requests: string[] = [];
  const sockets = new Set<Duplex>();
  const forwarded = (headers: IncomingHttpHeaders): IncomingHttpHeaders => {
    const { cookie, ...rest } = headers;
    const isKept = ([name]: [string, unknown]) => !proxy.options.dropsFetchMetadata || !name.startsWith('sec-fetch-');
    const others = Object.fromEntries(Object.entries(rest).filter(isKept));
    return {
      ...others,
      ...(cookie !== undefined && !proxy.options.stripsCookies && { cookie }),
      ...(proxy.options.rewritesHost && { host: target.host }),
    };
  };
  const ask = (method = 'GET', path = '/', headers: IncomingHttpHeaders = {}) =>
    request({ host: target.hostname, port: target.port, method, path, headers: forwarded(headers), agent: false });

  const server = createServer(async (incoming, reply) => {
    requests.push(`${incoming.method} ${incoming.url?.split('?')[0]}`);
    if (incoming.url === '/api/session') await proxy.options.sessionAfter;
    const outgoing = ask(incoming.method, incoming.url, incoming.headers);
    outgoing.on('error', () => reply.destroy());
    outgoing.on('response', (response) => {
      const { 'set-cookie': cookies, ...headers } = response.headers;
      const kept = cookies && !proxy.options.stripsCookies ? { 'set-cookie': cookies } : {};
      reply.writeHead(response.statusCode ?? 502, { ...headers, ...kept });
      response.pipe(reply);
    });
    incoming.pipe(outgoing);
  });
  server.on('upgrade', (incoming, socket, head) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    const { upgrade, connection, ...others } = incoming.headers;
    const outgoing = ask('GET', incoming.url, proxy.options.dropsUpgrade ? others : { upgrade, connection, ...others });
    outgoing.on('error', () => socket.destroy());
    outgoing.on('response', (response) => {
      socket.end(`HTTP/1.1 ${response.statusCode} ${response.statusMessage}\r\ncontent-length: 0\r\n\r\n`);
      response.resume();
    });
    outgoing.on('upgrade', (response, upstream, firstBytes) => {
      sockets.add(upstream);
      upstream.on('error', () => {}).on('close', () => sockets.delete(upstream));
      const lines = Object.entries(response.headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write(firstBytes);
      upstream.write(head);
      socket.pipe(upstream).pipe(socket);
    });
    outgoing.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: HttpProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    options,
    requests,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
