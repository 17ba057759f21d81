import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { bracketed, httpsUrl, httpUrl } from './http-url.ts';
import { makeFolder } from './make-folder.ts';
import { httpAnswers } from './probes.ts';
import { programEnv } from './program-env.ts';
import type { ServerOrigin } from './server-origin.ts';
import type { ServiceSpec } from './service-process.ts';
import { giveTo, type ServiceUser } from './service-user.ts';
import type { CertificateFiles } from './tls.ts';
import { writePrivately } from './write-privately.ts';

/** The services' limits per address, from which nginx's limits are derived. */
export interface AddressLimits {
  requestsPerSecond: number;
  /** Per edge. */
  connections: number;
}

export interface NginxOptions {
  origin: ServerOrigin;
  host: string;
  port: number;
  edgePorts: number[];
  bookingPorts: number[];
  /** Networks of the proxies in front of this nginx, from `parseTrustedProxies`. */
  trustedProxies: string[];
  /** From `parseAllowedOrigins`. */
  allowedOrigins: string[];
  /** Absent: no limits. */
  addressLimits?: AddressLimits | undefined;
  /** Absent: plain HTTP. */
  tls?: (CertificateFiles & { port: number }) | undefined;
  templateFile: string;
  publicDir: string;
  /** Holds the rendered configuration, the pid file and the temporary files. */
  dir: string;
  logFile: string;
  user?: ServiceUser | undefined;
}

export function nginxSpec(options: NginxOptions): ServiceSpec {
  const { origin, host, port, tls, publicDir, dir, logFile, user } = options;
  makeFolder(dir);
  const configFile = writePrivately(join(dir, 'nginx.conf'), renderConfig(options));
  giveTo(user, dir);
  const ports = tls ? [port, tls.port] : [port];
  // If it starts as root (see commandAs and docker-servers.ts), its workers would become another user, who may not be allowed to read the page.
  const isRoots = process.getuid?.() === 0 && (!user || (origin.isContainer && ports.some((each) => each < 1024)));
  const workers = isRoots ? ' user root root;' : '';
  const url = tls ? httpsUrl(host, tls.port) : httpUrl(host, port);
  return {
    name: 'nginx',
    ...origin.command('nginx', {
      args: ['-p', dir, '-c', configFile, '-e', 'stderr', '-g', `daemon off;${workers}`],
      folders: [dir, publicDir],
      listens: ports.map((each) => ({ host, port: each })),
      user,
    }),
    env: programEnv(),
    logFile,
    async answers() {
      await httpAnswers(`${url}/`);
      await httpAnswers(`${url}/api/seats`);
    },
    stopTimeoutMs: 1_000,
    hint: `Its configuration is ${configFile}`,
  };
}

/** Like the official Docker image: replaces only `${NAME}`s that are defined, and keeps nginx's own $variables. */
function renderConfig(options: NginxOptions): string {
  const { origin, host, port, tls, edgePorts, bookingPorts, ...files } = options;
  const addresses = (ports: number[]) => ports.map((each) => `${origin.machineHost}:${each}`);
  // nginx replaces variables in this path and has no escape for a $.
  // biome-ignore lint/suspicious/noTemplateCurlyInString: nginx's variable, not ours
  const publicDir = quotable(files.publicDir).replaceAll('$', '${dollar}');
  const variables: Record<string, string> = {
    PUBLIC_DIR: publicDir,
    ...listenRules({
      listen: listen(origin.bindHost(host), port),
      publicDir,
      tls: tls && {
        listen: listen(origin.bindHost(host), tls.port),
        publicPort: tls.port,
        // Relative to the folder of the configuration: nginx replaces variables in these paths too.
        certFile: quotable(relative(files.dir, tls.certFile)),
        keyFile: quotable(relative(files.dir, tls.keyFile)),
      },
    }),
    RUN_DIR: quotable(files.dir),
    ...rulesOf({ ...options, edges: addresses(edgePorts), bookings: addresses(bookingPorts) }),
  };
  const template = readFileSync(files.templateFile, 'utf8');
  return template.replaceAll(/\$\{([A-Z_]+)\}/g, (whole, name: string) => variables[name] ?? whole);
}

/** By default nginx listens on `::` for IPv6 only. */
const listen = (host: string, port: number) => `${bracketed(host)}:${port}${host === '::' ? ' ipv6only=off' : ''}`;

/** Escapes text for double quotes in nginx's configuration. */
const quotable = (text: string) => text.replaceAll(/["\\]/g, '\\$&');

interface Listening {
  /** An address for `listen`, in the form of the ones below. */
  listen: string;
  publicDir: string;
  /** `publicPort`: as browsers know it. Paths are escaped for double quotes. */
  tls?: (CertificateFiles & { listen: string; publicPort: number }) | undefined;
}

/** Variables of the template. `nginx/rules.envsh` computes the same for a container. */
export function listenRules({ listen, publicDir, tls }: Listening): Record<string, string> {
  if (!tls) return { LISTEN_RULES: `listen ${listen} backlog=4096;`, REDIRECT_SERVER: '' };
  const target = `https://$host${tls.publicPort === 443 ? '' : `:${tls.publicPort}`}$request_uri`;
  // For certbot --webroot.
  const challenges = `location /.well-known/acme-challenge/ { root "${publicDir}"; }`;
  return {
    // nginx before 1.25.1 has no directive `http2`, and later versions take this one too.
    LISTEN_RULES: `listen ${tls.listen} ssl http2 backlog=4096; ssl_certificate "${tls.certFile}"; ssl_certificate_key "${tls.keyFile}";`,
    REDIRECT_SERVER: `server { listen ${listen} backlog=4096; location / { return 308 ${target}; } ${challenges} }`,
  };
}

/** Items are `host:port`. */
type Upstreams = { edges: string[]; bookings: string[] };

/** Variables of the template. `nginx/rules.envsh` computes the same from the settings of a container. */
export function rulesOf(
  options: Upstreams & Pick<NginxOptions, 'trustedProxies' | 'allowedOrigins' | 'addressLimits'>,
): Record<string, string> {
  const { trustedProxies, allowedOrigins, edges, bookings, addressLimits } = options;
  const from = trustedProxies.map((network) => `set_real_ip_from ${network};`).join(' ');
  const networks = trustedProxies.map((network) => `${network} 1;`).join(' ');
  const servers = (addresses: string[], parameters: string) =>
    addresses.map((address) => `server ${address} ${parameters};`).join(' ');
  const hasFailover = bookings.length > 1;
  return {
    // nginx counts an upgrade as a success only when its WebSocket ends: an edge that failed once would get one new socket per fail_timeout.
    EDGE_SERVERS: servers(edges, 'max_fails=0'),
    // A failed process is skipped for 5 s. All are listed again as backup, so that they are still tried when all have failed.
    BOOKING_SERVERS: hasFailover
      ? `${servers(bookings, 'max_fails=1 fail_timeout=5s')} ${servers(bookings, 'max_fails=0 backup')}`
      : servers(bookings, 'max_fails=0'),
    BOOKING_READ_SERVERS: servers(bookings, 'max_fails=0'),
    BOOKING_COUNT: String(bookings.length),
    BOOKING_FAILOVER: hasFailover ? 'on' : 'off',
    TRUSTED_PROXY_RULES:
      trustedProxies.length === 0
        ? 'geo $is_trusted_proxy { default 0; }'
        : `real_ip_header X-Forwarded-For; real_ip_recursive on; ${from} geo $realip_remote_addr $is_trusted_proxy { default 0; ${networks} }`,
    ALLOWED_ORIGIN_RULES: allowedOrigins.map((each) => `"${each}" $http_origin;`).join(' '),
    ...limitRules(addressLimits, edges.length),
  };
}

/** The services limit each session and each address: nginx allows several sessions of an address to reach their limits at once. */
const sessionsAtOnce = 5;
const burstSeconds = 2;

/** nginx needs numbers even if limits are off. */
function limitRules(limits: AddressLimits | undefined, edgeCount: number): Record<string, string> {
  const { requestsPerSecond, connections } = limits ?? { requestsPerSecond: 1, connections: 1 };
  const allConnections = connections * edgeCount;
  return {
    ADDRESS_LIMITS: limits ? 'on' : 'off',
    ADDRESS_REQUESTS_PER_SECOND: String(requestsPerSecond * sessionsAtOnce),
    ADDRESS_REQUEST_BURST: String(requestsPerSecond * sessionsAtOnce * burstSeconds),
    ADDRESS_SOCKETS_PER_SECOND: String(Math.max(1, Math.ceil(allConnections / 8))),
    ADDRESS_CONNECTIONS: String(allConnections),
  };
}
