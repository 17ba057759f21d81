import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';

/** Stately's own receiver, as their page uses it. Tests read the events that it received. */
const page = `
  import { createBrowserReceiver } from '@statelyai/inspect';
  globalThis.received = [];
  createBrowserReceiver({ window }).subscribe((event) => globalThis.received.push(event));
`;

/** Replaces https://stately.ai/inspect, which tests cannot reach: another origin, the same protocol. */
export async function startStandIn(): Promise<{ url: string; stop(): Promise<void> }> {
  const { outputFiles } = await build({
    stdin: { contents: page, resolveDir: process.cwd() },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    logLevel: 'error',
  });
  const script = outputFiles[0]?.text ?? '';
  const server = createServer((request, response) => {
    if (request.url === '/inspect') {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html><title>Stand-in</title><script type="module" src="/receiver.js"></script>');
    } else if (request.url === '/receiver.js') {
      response.setHeader('content-type', 'text/javascript');
      response.end(script);
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/inspect`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
