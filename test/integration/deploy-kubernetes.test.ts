import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configuredRules, venueSettings } from '../../src/booking/venue-settings.ts';
import { buildEdge } from '../../src/edge/app.ts';
import { BookingClient } from '../../src/edge/booking-client.ts';
import { MemoryBusLine, MemoryEventBus } from '../../src/events/memory-event-bus.ts';
import { writeComposeSecrets } from '../../src/launch/compose-secrets.ts';
import { commaList, loadBookingConfig, loadEdgeConfig, settingsOf } from '../../src/process/config.ts';
import { commandsIn } from '../support/documented-commands.ts';
import { oneShow } from '../support/one-show.ts';
import { silent } from '../support/silent.ts';
import { testAccess } from './booking-fixture.ts';
import {
  clusterOf,
  containerOf,
  overlays,
  renderAll,
  renderTimeoutMs,
  selects,
  settingsOfPod,
  workloadOf,
} from './kubernetes-fixture.ts';

beforeAll(renderAll, renderTimeoutMs);

const dataDir = mkdtempSync(join(tmpdir(), 'concert-booking-kubernetes-'));
const secretsDir = writeComposeSecrets(dataDir);
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

describe('[R971] the code serves the path of each probe', () => {
  test.each(overlays)('in %s', async (overlay) => {
    const config = loadBookingConfig({});
    const venue = { ...venueSettings(config), ...configuredRules(config) };
    const booking = await oneShow({ venue, access: testAccess() });
    const client = new BookingClient({ urls: ['http://127.0.0.1:1'] });
    const line = new MemoryBusLine();
    const edge = buildEdge({
      busOf: () => new MemoryEventBus(line),
      booking: client,
      defaultShow: 'main',
      logger: silent,
    });
    const has: Record<string, (path: string) => boolean> = {
      booking: (url) => booking.app.hasRoute({ method: 'GET', url }),
      edge: (url) => edge.app.hasRoute({ method: 'GET', url }),
      // nginx serves the files of the page.
      web: (url) => existsSync(join('public', url)),
    };
    expect(has.edge?.('/nothing')).toBe(false);
    let count = 0;
    for (const workload of clusterOf(overlay).workloads) {
      const { livenessProbe, readinessProbe, startupProbe, ports = [] } = containerOf(workload);
      expect(livenessProbe, workload.name).toBeDefined();
      expect(readinessProbe, workload.name).toBeDefined();
      for (const { httpGet } of [livenessProbe, readinessProbe, startupProbe].flatMap((probe) => probe ?? [])) {
        if (!httpGet) continue;
        count++;
        expect(has[workload.name]?.(httpGet.path ?? '/'), `${workload.name} ${httpGet.path}`).toBe(true);
        expect(ports.map(({ name }) => name)).toContain(httpGet.port);
      }
    }
    expect(count).toBeGreaterThan(7);
    await Promise.all([booking.app.close(), edge.app.close(), client.close()]);
  });

  test('a process that waits for Redis is not killed, and not hidden from nginx and the edges', () => {
    for (const overlay of overlays) {
      const { livenessProbe, readinessProbe } = containerOf(workloadOf(overlay, 'booking'));
      expect(livenessProbe?.httpGet?.path).toBe('/health');
      expect(readinessProbe?.httpGet?.path).toBe('/ready');
      for (const url of commaList(settingsOfPod(overlay, 'edge').BOOKING_URLS ?? '')) {
        const service = clusterOf(overlay)
          .ofKind('Service')
          .find(({ metadata }) => metadata.name === new URL(url).hostname);
        expect(service?.spec.publishNotReadyAddresses, url).toBe(true);
      }
      expect(containerOf(workloadOf(overlay, 'web')).readinessProbe?.httpGet?.path).not.toBe('/ready');
    }
  });
});

describe('[R972] the names and ports in settings lead to pods', () => {
  test.each(overlays)('in %s', (overlay) => {
    const { ofKind, workloads } = clusterOf(overlay);
    const pods = workloads.flatMap(({ name, labels, replicas = 1, ...rest }) =>
      Array.from({ length: replicas }, (_, index) => ({
        ...rest,
        name: `${name}-${index}`,
        labels: { ...labels, 'statefulset.kubernetes.io/pod-name': `${name}-${index}` } as Record<string, string>,
      })),
    );
    /** The pods behind `name:port`, or nothing. */
    const behind = (address: string): string[] => {
      const [name, port] = address.split(':');
      const service = ofKind('Service').find(({ metadata }) => metadata.name === name)?.spec;
      const found = service?.ports.find((each: { port: number }) => String(each.port) === port);
      if (!found) return [];
      const chosen = pods.filter(({ labels }) => selects({ matchLabels: service.selector }, labels));
      const isOpen = ({ pod }: (typeof pods)[number]) =>
        pod.containers.some(({ ports = [] }) => ports.some((each) => each.name === found.targetPort));
      return chosen.filter(isOpen).map((pod) => pod.name);
    };
    const edge = settingsOfPod(overlay, 'edge');
    const web = settingsOfPod(overlay, 'web');
    const bookings = commaList(web.BOOKINGS ?? '');
    // One name for each process, all processes, and the same for nginx and the edges.
    expect(bookings.map(behind)).toEqual(pods.filter(({ name }) => /^booking-/.test(name)).map(({ name }) => [name]));
    expect(commaList(edge.BOOKING_URLS ?? '')).toEqual(bookings.map((address) => `http://${address}`));
    for (const address of commaList(web.EDGES ?? '')) expect(behind(address), address).toEqual(['edge-0']);
    expect(commaList(web.EDGES ?? '').length, 'an attempt for each').toBeGreaterThan(1);
    // The hosts in the URLs of the secrets.
    if (overlay !== 'managed') {
      for (const name of [
        'booking-redis-url',
        'booking-nats-url',
        'booking-database-url',
        'booking-database-owner-url',
        'edge-nats-url',
      ]) {
        const { host } = new URL(readFileSync(join(secretsDir, name), 'utf8').trim());
        expect(behind(host), name).not.toEqual([]);
      }
      const { cluster } = JSON.parse(readFileSync(join(secretsDir, 'nats-cluster-settings'), 'utf8'));
      const routes = cluster.routes.map((route: string) => new URL(route).host);
      expect(routes).toEqual(pods.filter(({ name }) => /^nats-/.test(name)).map(({ name }) => `${name}:6222`));
    }
    for (const [name, port] of [
      ['booking', settingsOfPod(overlay, 'booking').PORT],
      ['edge', edge.PORT],
    ] as const) {
      const { annotations, ...workload } = workloadOf(overlay, name);
      expect(
        containerOf({ annotations, ...workload }).ports?.map(({ containerPort }) => String(containerPort)),
      ).toEqual([port]);
      expect(annotations).toMatchObject({ 'prometheus.io/scrape': 'true', 'prometheus.io/port': port });
    }
    expect(readFileSync('Dockerfile', 'utf8'), 'where nginx listens').toMatch(/^ENV .*(?:\\\n.*)*LISTEN=8080/m);
    expect(containerOf(workloadOf(overlay, 'web')).ports?.[0]?.containerPort).toBe(8080);
    for (const { spec } of ofKind('Ingress'))
      for (const { http } of spec.rules)
        for (const { backend } of http.paths) {
          const port = ofKind('Service')
            .find(({ metadata }) => metadata.name === backend.service.name)
            ?.spec.ports.find(({ name }: { name: string }) => name === backend.service.port.name);
          expect(behind(`${backend.service.name}:${port?.port}`)).not.toEqual([]);
        }
  });
});

describe('[R973] a process gets only settings that it reads, and can start with them', () => {
  test.each(overlays)('in %s', (overlay) => {
    const local = (settings: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(settings).map(([name, value]) => [name, value.replace('/run/secrets', secretsDir)]),
      );
    const loaders = { booking: loadBookingConfig, edge: loadEdgeConfig };
    for (const kind of ['booking', 'edge'] as const) {
      const settings = settingsOfPod(overlay, kind);
      expect(settingsOf(kind, settings)).toEqual(settings);
      expect(loaders[kind](local(settings)).NATS_URL).toContain('nats://');
      // Kubernetes would set REDIS_PORT and others to addresses of its own.
      expect(workloadOf(overlay, kind).pod.enableServiceLinks).toBe(false);
      const { command } = containerOf(workloadOf(overlay, kind));
      const flags = kind === 'edge' ? ['--max-semi-space-size=16'] : [];
      expect(command).toEqual(['node', ...flags, `dist/${kind}/server.js`]);
      expect(existsSync(`src/${kind}/server.ts`)).toBe(true);
    }
    expect(settingsOfPod(overlay, 'booking').AUTH_MODE).toBe('required');
    const rules = readFileSync('nginx/rules.envsh', 'utf8');
    for (const name of Object.keys(settingsOfPod(overlay, 'web')))
      expect(rules, name).toMatch(new RegExp(`\\$\\{?${name}\\b`));
  });

  test('[R979] Redis is started as docker-compose.yml starts it', () => {
    const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
    const { command = [], args = [] } = containerOf(workloadOf('gke', 'redis'));
    expect([...command, ...args]).toEqual(compose.services.redis.command);
  });

  test('[R979] Postgres is started as docker-compose.yml starts it', () => {
    const { postgres } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }).services;
    const { image, env = [], readinessProbe } = containerOf(workloadOf('gke', 'postgres'));
    expect(image).toBe(postgres.image);
    expect(Object.fromEntries(env.map(({ name, value }) => [name, value]))).toEqual(postgres.environment);
    expect(readinessProbe?.exec?.command?.join(' ')).toBe(postgres.healthcheck.test[1]);
  });
});

describe('[R974] secrets', () => {
  /** By secret: the files that the documented commands put into it. */
  const documented = Object.fromEntries(
    commandsIn(readFileSync('docs/deploy.md', 'utf8')).flatMap((command) => {
      const [, name] = /^kubectl .*create secret generic (\S+)/.exec(command.replaceAll('\\\n', ' ')) ?? [];
      return name ? [[name, [...command.matchAll(/--from-file=\S*?([\w-]+)(?=\s|$)/g)].map(([, file]) => file)]] : [];
    }),
  );

  test('each that a pod mounts is made by a documented command, of files that compose-secrets writes', () => {
    const mounted = new Set<string>();
    for (const overlay of overlays)
      for (const { name, pod } of clusterOf(overlay).workloads)
        for (const { secret } of pod.volumes ?? []) {
          if (!secret) continue;
          mounted.add(secret.secretName ?? '');
          const [mount] =
            containerOf(workloadOf(overlay, name)).volumeMounts?.filter((each) => each.name === 'secrets') ?? [];
          expect(mount).toMatchObject({ mountPath: '/run/secrets', readOnly: true });
        }
    expect(Object.keys(documented).sort()).toEqual([...mounted].sort());
    for (const file of Object.values(documented).flat()) expect(readdirSync(secretsDir)).toContain(file);
  });

  test.each(overlays)('in %s each pod reads its own, and all files that it names are in them', (overlay) => {
    for (const workload of clusterOf(overlay).workloads) {
      const { args = [], env = [], volumeMounts = [] } = containerOf(workload);
      const named = [JSON.stringify(args), JSON.stringify(env)];
      named.push(...volumeMounts.flatMap(({ subPath }) => (subPath ? [`/run/secrets/${subPath}`] : [])));
      if (workload.name === 'booking' || workload.name === 'edge')
        named.push(JSON.stringify(settingsOfPod(overlay, workload.name)));
      const files = [...named.join().matchAll(/\/run\/secrets\/([\w-]+)/g)].map(([, file]) => file);
      const [secret] = workload.pod.volumes?.flatMap((volume) => volume.secret ?? []) ?? [];
      expect(new Set(files), workload.name).toEqual(new Set(documented[secret?.secretName ?? ''] ?? []));
    }
    for (const { data = {} } of clusterOf(overlay).ofKind('ConfigMap'))
      for (const setting of [
        'REDIS_URL',
        'NATS_URL',
        'DATABASE_URL',
        'DATABASE_OWNER_URL',
        'SESSION_KEYS',
        'TICKET_KEYS',
      ])
        expect(data).not.toHaveProperty(setting);
    expect(clusterOf(overlay).ofKind('Secret'), 'no secret is in a file of the repository').toEqual([]);
  });
});

test('[R974] each kubectl command of docs/deploy.md names existing objects, and each image is built', () => {
  const commands = commandsIn(readFileSync('docs/deploy.md', 'utf8'));
  const kubectl = commands.filter((command) => command.startsWith('kubectl '));
  expect(kubectl.length).toBeGreaterThan(8);
  const kinds: Record<string, string> = { statefulset: 'StatefulSet', deployment: 'Deployment' };
  for (const command of kubectl) {
    const [, path] = /^kubectl apply -[fk] (\S+)$/.exec(command) ?? [];
    const [, kind = '', name] = / rollout status (\w+)\/(\w+)$/.exec(command) ?? [];
    const [, certificate] = / describe managedcertificate (\w+)$/.exec(command) ?? [];
    const isSecret = / create secret generic /.test(command);
    if (path) expect(existsSync(path), path).toBe(true);
    else if (name)
      expect(
        clusterOf('gke')
          .ofKind(kinds[kind] ?? '')
          .map(({ metadata }) => metadata.name),
      ).toContain(name);
    else if (certificate) expect(clusterOf('gke').ofKind('ManagedCertificate')[0]?.metadata.name).toBe(certificate);
    else expect(isSecret, command).toBe(true);
  }
  const built = commands.flatMap(
    (command) => /^docker build --target (\w+) -t (\S+) \.$/.exec(command)?.slice(1) ?? [],
  );
  const pushed = commands.flatMap((command) => /^docker push (\S+)$/.exec(command)?.slice(1) ?? []);
  expect(built.filter((_, index) => index % 2 === 1)).toEqual(pushed);
  const own = clusterOf('gke').workloads.flatMap(({ pod }) => pod.containers.map(({ image = '' }) => image));
  expect(new Set(own.filter((image) => !/^(redis|postgres):/.test(image)))).toEqual(new Set(pushed));
  const stages = [...readFileSync('Dockerfile', 'utf8').matchAll(/^FROM .* AS (\w+)$/gm)].map(([, stage]) => stage);
  for (const stage of built.filter((_, index) => index % 2 === 0)) expect(stages).toContain(stage);
});
