import { join } from 'node:path';
import { isLoopback } from '../identity/auth-mode.ts';
import { ConfigError } from '../process/config-error.ts';
import { messageOf } from '../process/error-facts.ts';
import { checkoutSummary, sandboxWarning } from './checkout-summary.ts';
import { ledgerServer, natsServer, redisServer } from './data-servers.ts';
import { findServers } from './find-servers.ts';
import { requireGivenServers } from './given-servers.ts';
import { type LaunchConfig, logFile, type OriginName, requireHttpPort, requirePorts } from './launch-config.ts';
import { nginxSpec } from './nginx.ts';
import { bookingSpec, edgeSpec, embeddedSpec } from './node-services.ts';
import { openFilesWarning } from './open-files.ts';
import { pageUrl } from './page-url.ts';
import { loopback } from './ports.ts';
import { print } from './print.ts';
import { type Secrets, secretsIn } from './secrets-file.ts';
import { type ServerOrigin, type ServerProgram, ServersMissingError } from './server-origin.ts';
import { postgresUser, type ServiceUser, serviceUser } from './service-user.ts';
import { embeddedSummary, embeddedWarning, noLedgerWarning, summary } from './summary.ts';
import type { Supervisor } from './supervisor.ts';
import { type CertificateFiles, installCertificate, selfMade, selfMadeCertificate, watchCertificate } from './tls.ts';
import { recordVenue, requireSameVenue } from './venue-record.ts';

/** Starts everything, in order; resolves when all services reply. */
export async function launch(settings: LaunchConfig, supervisor: Supervisor, signal: AbortSignal): Promise<void> {
  const secrets = secretsIn(settings.dataDir);
  const own = {
    SESSION_KEYS: secrets.sessionKeys,
    SESSION_COOKIE: `session_${secrets.installationId}`,
    TICKET_KEYS: secrets.ticketKeys,
    SANDBOX_WEBHOOK_SECRET: secrets.sandboxWebhookSecret,
  };
  const config = { ...settings, env: { ...own, ...settings.env } };
  const { user, warning } = serviceUser(config.dataDir);
  if (warning) print(`!! ${warning}`);
  const warnings = config.origin === 'embedded' ? [] : await requireGivenServers(config, signal);
  const tooFewFiles = openFilesWarning(config.maxConnections);
  if (tooFewFiles) print(`!! ${tooFewFiles}`);
  for (const warning of warnings) print(`!! ${warning}`);
  const found = await findOrigin(config, signal);
  if (found) await launchServices(config, { ...found, secrets, user, warnings, supervisor, signal });
  else await launchEmbedded(config, user, supervisor, signal);
}

/** Undefined if there are no servers, so that everything must run in one process. */
async function findOrigin(config: LaunchConfig, signal: AbortSignal): Promise<FoundServers | undefined> {
  if (config.origin === 'embedded') {
    if (config.tls)
      throw new ConfigError('TLS_CERT needs nginx, which SERVERS=embedded does without: unset one of them.');
    print(embeddedWarning('SERVERS=embedded is set.'));
    return undefined;
  }
  const needed: ServerProgram[] = ['nginx'];
  if (!config.redis.given) needed.push('redis-server');
  if (!config.nats.url) needed.push('nats-server');
  const find = (programs: ServerProgram[]) =>
    findServers(config.origin as Exclude<OriginName, 'embedded'>, programs, logFile(config, 'install'), signal);
  let reasonForNoLedger = 'Postgres refuses to run as root.';
  try {
    if (config.database.url) return { origin: await find(needed), hasLedger: true };
    if (!postgresUser(config.dataDir).isRoot) {
      try {
        return { origin: await find([...needed, 'postgres', 'initdb']), hasLedger: true };
      } catch (error) {
        if (!(error instanceof ServersMissingError)) throw error;
        reasonForNoLedger = error.message;
      }
    }
    const origin = await find(needed);
    print(noLedgerWarning(reasonForNoLedger));
    return { origin, hasLedger: false };
  } catch (error) {
    // The embedded mode must not silently replace a chosen origin or a given server.
    const mayEmbed = config.origin === 'auto' && needed.length === 3 && !config.database.url && !config.tls;
    if (!(error instanceof ServersMissingError)) throw error;
    const reason = `Redis, NATS and nginx are not available here:\n${error.message}`;
    if (!mayEmbed)
      throw new ServersMissingError(`${reason}\nInstall what is missing, or leave SERVERS=auto to try all.`);
    print(embeddedWarning(reason));
    return undefined;
  }
}

interface FoundServers {
  origin: ServerOrigin;
  /** False: seats are sold without one, because Postgres is not available here. */
  hasLedger: boolean;
}

interface LaunchContext extends FoundServers {
  secrets: Secrets;
  user: ServiceUser | undefined;
  /** Warnings about given servers. */
  warnings: string[];
  supervisor: Supervisor;
  signal: AbortSignal;
}

async function launchServices(config: LaunchConfig, context: LaunchContext) {
  const { origin, hasLedger, user, warnings, supervisor, signal } = context;
  const { paymentProvider = hasLedger ? 'sandbox' : 'off' } = config;
  if (!hasLedger && paymentProvider !== 'off')
    throw new ConfigError(
      `PAYMENT_PROVIDER=${paymentProvider} needs a ledger: install postgresql or set DATABASE_URL.`,
    );
  if (!config.redis.given) requireSameVenue(config);
  await requirePorts(config);
  print(`Starting (Redis, NATS, ${hasLedger ? 'Postgres ' : ''}and nginx from ${origin.description}) …`);
  const redis = await redisServer(config, context);
  const nats = await natsServer(config, context);
  const database = hasLedger ? await ledgerServer(config, context, signal) : undefined;
  const servers = [redis.spec, nats.spec, database?.spec].filter((spec) => spec !== undefined);
  await supervisor.start(servers, signal);
  await database?.prepare?.();

  const { bookingPorts, edgePorts } = config;
  // Only nginx connects to the services; it resolves the client's address through the proxies in front of it.
  const env = { ...config.env, TRUSTED_PROXIES: 'loopback', PAYMENT_PROVIDER: paymentProvider };
  const common = (name: string, port: number) => ({ port, env, user, logFile: logFile(config, `${name}-${port}`) });
  const bookingUrls = bookingPorts.map((port) => `http://${loopback}:${port}`);
  const statusUrls = [...bookingUrls, ...edgePorts.map((port) => `http://${loopback}:${port}`)];
  const bookings = bookingPorts.map((port) =>
    bookingSpec({
      ...common('booking', port),
      redisUrl: redis.url,
      natsUrl: nats.urls.booking,
      database,
      peerUrls: bookingUrls,
      statusUrls,
    }),
  );
  await supervisor.start(bookings, signal);
  if (!config.redis.given) recordVenue(config);

  const edges = edgePorts.map((port, index) =>
    edgeSpec({ ...common('edge', port), natsUrl: nats.urls.edge, bookingUrls: rotated(bookingUrls, index) }),
  );
  await supervisor.start(edges, signal);

  const nginxDir = join(config.dataDir, 'nginx');
  const certificate = await certificateOf(config);
  const installed = certificate && installCertificate(certificate, nginxDir, user);
  const nginx = nginxSpec({
    origin,
    host: config.httpHost,
    port: config.httpPort,
    tls: config.tls && installed && { ...installed, port: config.tls.port },
    edgePorts,
    bookingPorts,
    trustedProxies: config.trustedProxies,
    allowedOrigins: config.allowedOrigins,
    addressLimits: config.addressLimits,
    templateFile: join('nginx', 'nginx.conf.template'),
    publicDir: join(process.cwd(), 'public'),
    dir: nginxDir,
    logFile: logFile(config, 'nginx'),
    user,
  });
  await supervisor.start([nginx], signal);
  if (certificate)
    watchCertificate(certificate, () => renewCertificate(certificate, nginxDir, { user, supervisor }), signal);
  const page = await pageUrl(config);
  if (paymentProvider === 'sandbox' && !isLoopback(config.httpHost)) warnings.push(sandboxWarning);
  const pidOf = (name: string) => supervisor.pidOf(name);
  print(
    summary(config, {
      page,
      warnings,
      redisUrl: redis.url,
      natsUrl: nats.urls.viewer,
      ledgerLook: database?.look,
      checkout: await checkoutSummary(paymentProvider, bookingUrls[0] ?? '', page),
      pidOf,
    }),
  );
}

const certificateOf = async ({ tls, dataDir, httpHost }: LaunchConfig): Promise<CertificateFiles | undefined> =>
  tls?.files === selfMade ? selfMadeCertificate(join(dataDir, 'tls'), httpHost) : tls?.files;

/** nginx reads its files again, and keeps all connections. A certificate that cannot be used leaves the old one in use. */
function renewCertificate(
  files: CertificateFiles,
  dir: string,
  { user, supervisor }: Pick<LaunchContext, 'user' | 'supervisor'>,
): void {
  try {
    installCertificate(files, dir, user);
    const pid = supervisor.pidOf('nginx');
    if (pid !== undefined) process.kill(pid, 'SIGHUP');
    print(`   nginx uses the new certificate of ${files.certFile}.`);
  } catch (error) {
    print(`!! The new certificate is not used: ${messageOf(error)}`);
  }
}

async function launchEmbedded(
  config: LaunchConfig,
  user: ServiceUser | undefined,
  supervisor: Supervisor,
  signal: AbortSignal,
) {
  await requireHttpPort(config);
  const { httpPort: port, httpHost: host, paymentProvider = 'sandbox' } = config;
  const env = { ...config.env, PAYMENT_PROVIDER: paymentProvider };
  await supervisor.start([embeddedSpec({ host, port, env, user, logFile: logFile(config, 'embedded') })], signal);
  const page = await pageUrl(config);
  if (paymentProvider === 'sandbox' && !isLoopback(host)) print(`!! ${sandboxWarning}`);
  print(embeddedSummary(config, page, await checkoutSummary(paymentProvider, page, page)));
}

/** Lets each edge prefer a different booking process. */
const rotated = <T>(list: T[], by: number): T[] => [
  ...list.slice(by % list.length),
  ...list.slice(0, by % list.length),
];
