import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { httpUrl } from './http-url.ts';
import { makeFolder } from './make-folder.ts';
import { freePort, loopback } from './ports.ts';
import { httpAnswers } from './probes.ts';
import { programEnv } from './program-env.ts';
import type { ServerOrigin } from './server-origin.ts';
import { ServiceProcess } from './service-process.ts';

/**
 * Starts an nginx from this origin that proxies requests to this process, and sends one. This tests whether its port is
 * reachable from here, and whether it reaches this machine's ports and folders. Rejects if not.
 */
export async function rehearse(
  origin: ServerOrigin,
  workDir: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<void> {
  const target = createServer((_request, response) => response.end('reached'));
  const targetPort = await freePort();
  target.listen(targetPort, loopback);
  await once(target, 'listening');
  const port = await freePort();
  const dir = join(workDir, 'rehearsal');
  makeFolder(dir);
  const configFile = join(dir, 'nginx.conf');
  writeFileSync(configFile, configOf(`${origin.bindHost(loopback)}:${port}`, `${origin.machineHost}:${targetPort}`));
  const url = httpUrl(loopback, port);
  const nginx = new ServiceProcess({
    name: 'nginx',
    ...origin.command('nginx', {
      args: ['-p', dir, '-c', configFile, '-e', 'stderr', '-g', 'daemon off;'],
      folders: [dir],
      listens: [{ host: loopback, port }],
    }),
    env: programEnv(),
    logFile: join(workDir, 'rehearsal.log'),
    answers: () => httpAnswers(url),
    stopTimeoutMs: 1_000,
    hint: '',
  });
  try {
    await nginx.ready(AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  } finally {
    await nginx.stop();
    target.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

const configOf = (listen: string, target: string) => `
master_process off;
pid nginx.pid;
events {}
http {
  access_log off;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  server {
    listen ${listen};
    location / { proxy_pass http://${target}; }
  }
}
`;
