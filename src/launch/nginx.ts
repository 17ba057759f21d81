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
  /** Networks of the proxies in front of this nginx, as `parseTrustedProxies` returns them. */
  trustedProxies: string[];
  /** As `parseAllowedOrigins` returns them. */
  allowedOrigins: string[];
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
function renderConfig(options: NginxOptions): string {
  const { origin, host, port, edgePorts, bookingPorts, ...files } = options;
  const servers = (ports: number[], parameters: string) =>
    ports.map((each) => `server ${origin.machineHost}:${each} ${parameters};`).join(' ');
  const hasFailover = bookingPorts.length > 1;
  // A process that fails is left out for 5 s. The same ones again as backup: when each of them has failed, all are tried.
  const booking = hasFailover
    ? `${servers(bookingPorts, 'max_fails=1 fail_timeout=5s')} ${servers(bookingPorts, 'max_fails=0 backup')}`
    : servers(bookingPorts, 'max_fails=0');
  const variables: Record<string, string> = {
    LISTEN: listen(origin.bindHost(host), port),
    EDGE_SERVERS: servers(edgePorts, 'max_fails=1 fail_timeout=1s'),
    BOOKING_SERVERS: booking,
    BOOKING_COUNT: String(bookingPorts.length),
    BOOKING_FAILOVER: hasFailover ? 'on' : 'off',
    // nginx replaces variables in this path, and has no escape for a $.
    // biome-ignore lint/suspicious/noTemplateCurlyInString: nginx's variable, not ours
    PUBLIC_DIR: quotable(files.publicDir).replaceAll('$', '${dollar}'),
    RUN_DIR: quotable(files.dir),
    ...rulesOf(options),
  };
  const template = readFileSync(files.templateFile, 'utf8');
  return template.replaceAll(/\$\{([A-Z_]+)\}/g, (whole, name: string) => variables[name] ?? whole);
}

/** By itself nginx takes `::` for IPv6 alone. */
const listen = (host: string, port: number) => `${bracketed(host)}:${port}${host === '::' ? ' ipv6only=off' : ''}`;

/** Inside the double quotes of nginx's configuration. */
const quotable = (text: string) => text.replaceAll(/["\\]/g, '\\$&');

/** For the template. `nginx/rules.envsh` makes the same from the settings of a container. */
export function rulesOf(options: Pick<NginxOptions, 'trustedProxies' | 'allowedOrigins'>): Record<string, string> {
  const { trustedProxies, allowedOrigins } = options;
  const from = trustedProxies.map((network) => `set_real_ip_from ${network};`).join(' ');
  const networks = trustedProxies.map((network) => `${network} 1;`).join(' ');
  return {
    TRUSTED_PROXY_RULES:
      trustedProxies.length === 0
        ? 'geo $is_trusted_proxy { default 0; }'
        : `real_ip_header X-Forwarded-For; real_ip_recursive on; ${from} geo $realip_remote_addr $is_trusted_proxy { default 0; ${networks} }`,
    ALLOWED_ORIGIN_RULES: allowedOrigins.map((each) => `"${each}" $http_origin;`).join(' '),
  };
}
