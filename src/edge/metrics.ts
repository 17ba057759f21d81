import { Counter, Gauge, type Registry } from 'prom-client';

export type EdgeMetrics = ReturnType<typeof edgeMetrics>;

export function edgeMetrics(registry: Registry) {
  const registers = [registry];
  return {
    connections: new Gauge({ name: 'edge_connections', help: 'Browsers connected now', registers }),
    refusedUpgrades: new Counter({
      name: 'edge_refused_upgrades_total',
      help: 'Upgrades refused, by reason',
      labelNames: ['reason'] as const,
      registers,
    }),
    updates: new Counter({
      name: 'edge_updates_total',
      help: 'Changes of seats relayed, counted once each',
      registers,
    }),
    frameBytes: new Counter({
      name: 'edge_frame_bytes_total',
      help: 'Bytes of frames written to browsers',
      registers,
    }),
    bufferedBytes: new Gauge({
      name: 'edge_buffered_bytes',
      help: 'Bytes that wait for browsers to read them, shared ones counted once; checked every second',
      registers,
    }),
    slow: new Counter({ name: 'edge_clients_slow_total', help: 'Clients skipped for not reading', registers }),
    resynced: new Counter({
      name: 'edge_clients_resynced_total',
      help: 'Clients that read again and were sent the venue anew',
      registers,
    }),
    throttled: new Counter({
      name: 'edge_clients_throttled_total',
      help: 'Times that a client was not read for a while, since its address sent too much',
      registers,
    }),
    terminated: new Counter({
      name: 'edge_clients_terminated_total',
      help: 'Clients that the edge gave up',
      labelNames: ['reason'] as const,
      registers,
    }),
    catchUps: new Counter({
      name: 'edge_catch_ups_total',
      help: 'Times that news was missed and repaired, by what was read',
      labelNames: ['kind'] as const,
      registers,
    }),
    commands: new Counter({
      name: 'edge_commands_total',
      help: 'Commands forwarded, by outcome',
      labelNames: ['action', 'code'] as const,
      registers,
    }),
  };
}
