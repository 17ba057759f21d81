import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bracketed, httpUrl } from './http-url.ts';
import { makeFolder } from './make-folder.ts';
import { httpAnswers } from './probes.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { writePrivately } from './write-privately.ts';

export interface NginxOptions {
  origin: ServerOrigin;
  host: string;
  port: number;
  edgePorts: number[];
  bookingPorts: number[];
  templateFile: string;
  publicDir: string;
  /** Holds the rendered configuration, the pid file and the temporary files. */
  dir: string;
  logFile: string;
}

export function nginxSpec(options: NginxOptions): ServiceSpec {
  const { origin, host, port, publicDir, dir, logFile } = options;
  makeFolder(dir);
  const configFile = writePrivately(join(dir, 'nginx.conf'), renderConfig(options));
  // Started by root, the workers would become another user, who may not be allowed to read the page.
  const user = process.getuid?.() === 0 ? ' user root root;' : '';
  const url = httpUrl(host, port);
  return {
    name: 'nginx',
    ...origin.command('nginx', {
      args: ['-p', dir, '-c', configFile, '-e', 'stderr', '-g', `daemon off;${user}`],
      folders: [dir, publicDir],
      listens: [{ host, port }],
    }),
    env: process.env,
    logFile,
    async answers() {
      await httpAnswers(`${url}/`);
      await httpAnswers(`${url}/api/seats`);
    },
    stopTimeoutMs: 1_000,
    hint: `Its configuration is ${configFile}`,
  };
}

/** As the official Docker image does it: only `${NAME}`s that are defined are replaced, nginx's own $variables stay. */
function renderConfig({ origin, host, port, edgePorts, bookingPorts, ...files }: NginxOptions): string {
  const upstream = (ports: number[]) =>
    ports.map((each) => `server ${origin.machineHost}:${each} max_fails=1 fail_timeout=1s;`).join(' ');
  const variables: Record<string, string> = {
    LISTEN: `${bracketed(origin.bindHost(host))}:${port}`,
    EDGE_SERVERS: upstream(edgePorts),
    BOOKING_SERVERS: upstream(bookingPorts),
    PUBLIC_DIR: files.publicDir,
    RUN_DIR: files.dir,
  };
  const template = readFileSync(files.templateFile, 'utf8');
  return template.replaceAll(/\$\{([A-Z_]+)\}/g, (whole, name: string) => variables[name] ?? whole);
}
