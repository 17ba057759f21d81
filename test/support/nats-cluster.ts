import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort, startNats, type TestServer } from './servers.ts';

const clusterSize = 3;

export interface NatsCluster {
  servers: TestServer[];
  /** The value of NATS_URL. */
  url: string;
  monitoringUrls: string[];
  /** True if every server of the stream has all of it. */
  isStreamWhole(): Promise<boolean>;
  stop(): Promise<void>;
}

/** Three servers with JetStream. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const ports = () => Promise.all(Array.from({ length: clusterSize }, () => freePort()));
  const [routePorts, monitorPorts] = await Promise.all([ports(), ports()]);
  const routes = routePorts.map((port) => `nats://127.0.0.1:${port}`);
  const servers = await Promise.all(
    routes.map((route, i) =>
      startNats({
        args: [
          '-n',
          `nats-${i}`,
          '--cluster_name',
          'seats',
          '--cluster',
          route,
          '--routes',
          routes.join(','),
          '-m',
          String(monitorPorts[i]),
        ],
      }),
    ),
  );
  const url = servers.map((server) => server.url).join(',');
  return {
    servers,
    url,
    monitoringUrls: monitorPorts.map((port) => `http://127.0.0.1:${port}`),
    async isStreamWhole() {
      const nats = await connect({ servers: url.split(','), timeout: 2_000 });
      try {
        const { cluster } = await (await jetstreamManager(nats, { checkAPI: false })).streams.info('SEATS');
        const replicas = cluster?.replicas ?? [];
        return (
          Boolean(cluster?.leader) && replicas.length === clusterSize - 1 && replicas.every(({ current }) => current)
        );
      } catch {
        return false; // no leader yet
      } finally {
        await nats.close();
      }
    },
    async stop() {
      await Promise.all(
        servers.map(async (server) => {
          if (!server.hasEnded) await server.kill('SIGKILL');
          await server.stop();
        }),
      );
    },
  };
}
