import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pageUrl } from '../../src/launch/page-url.ts';
import { portState } from '../../src/launch/ports.ts';
import { freePort } from '../support/servers.ts';
import { freeSettings, Launch, type Settings } from './launch-fixture.ts';

async function started(settings: Settings): Promise<string> {
  const launch = new Launch(settings);
  onTestFinished(() => launch.cleanUp());
  return (await launch.isUp()).output;
}

async function squatter(port: number, host: string): Promise<void> {
  const server = createServer((_request, response) => response.end('another program'));
  await new Promise<void>((resolve) => server.listen({ port, host, ipv6Only: true }, resolve));
  onTestFinished(() => {
    server.close();
  });
}

describe('[R296] the printed URL', { timeout: 90_000 }, () => {
  test('HTTP_HOST=:: listens on both address families', async () => {
    const settings = { ...(await freeSettings()), HTTP_HOST: '::', AUTH_MODE: 'guest' };
    expect(await started(settings)).toContain(`Open      http://localhost:${settings.HTTP_PORT}\n`);
    for (const host of ['127.0.0.1', '[::1]', 'localhost'])
      expect((await fetch(`http://${host}:${settings.HTTP_PORT}/`)).status, host).toBe(200);
  });

  test('HTTP_HOST=[::1] in a data folder with an odd name', async () => {
    const settings = { ...(await freeSettings()), HTTP_HOST: '[::1]' };
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a name that nginx's configuration must not expand
    const DATA_DIR = join(settings.DATA_DIR, 'a $b "c" \'d\' ;e {f} ${RUN_DIR} \\g ü\nh');
    expect(await started({ ...settings, DATA_DIR })).toContain(`Open      http://[::1]:${settings.HTTP_PORT}\n`);
    for (const path of ['', 'styles.css', 'api/seats'])
      expect((await fetch(`http://[::1]:${settings.HTTP_PORT}/${path}`)).status, path).toBe(200);
  });

  test.each(['::1', '::'])(
    'another server on [%s] of the same port: the address in place of localhost',
    async (host) => {
      const httpPort = await freePort();
      expect(await pageUrl({ httpHost: '127.0.0.1', httpPort })).toBe(`http://localhost:${httpPort}`);
      await squatter(httpPort, host);
      expect(await pageUrl({ httpHost: '127.0.0.1', httpPort })).toBe(`http://127.0.0.1:${httpPort}`);
      expect(await pageUrl({ httpHost: '0.0.0.0', httpPort })).toBe(`http://127.0.0.1:${httpPort}`);
    },
  );

  test('a port that another server has on every address is in use', async () => {
    const port = await freePort();
    await squatter(port, '0.0.0.0');
    expect(await portState(port)).toBe('in use');
    expect(await portState(port, '::')).toBe('in use');
  });
});
