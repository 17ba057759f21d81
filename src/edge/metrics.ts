import { Counter, Gauge, type Registry } from 'prom-client';

export type EdgeMetrics = ReturnType<typeof edgeMetrics>;

export function edgeMetrics(registry: Registry) {
  const registers = [registry];
  return {
    connections: new Gauge({ name: 'edge_connections', help: 'Number of WebSockets that are open now.', registers }),
    refusedUpgrades: new Counter({
      name: 'edge_refused_upgrades_total',
      help: 'Number of WebSocket upgrades that were refused, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    updates: new Counter({
      name: 'edge_updates_total',
      help: 'Number of seat changes sent to browsers, each counted once however many browsers receive it.',
      registers,
    }),
    flushes: new Counter({
      name: 'edge_flushes_total',
      help: 'Number of times that the changes since the last time were sent to all browsers with seat-booking.v2.',
      registers,
    }),
    flushSeconds: new Counter({
      name: 'edge_flush_seconds_total',
      help: 'Time in seconds that the edge spent on writing these changes.',
      registers,
    }),
    frameBytes: new Counter({
      name: 'edge_frame_bytes_total',
      help: 'Number of bytes of WebSocket frames written to all browsers.',
      registers,
    }),
    bufferedBytes: new Gauge({
      name: 'edge_buffered_bytes',
      help: 'Number of bytes that browsers have yet to read, shared frames counted once. It is updated every second.',
      registers,
    }),
    slow: new Counter({
      name: 'edge_clients_slow_total',
      help: 'Number of times that a client was skipped because it reads too slowly.',
      registers,
    }),
    resynced: new Counter({
      name: 'edge_clients_resynced_total',
      help: 'Number of times that a skipped client read again and received the whole venue.',
      registers,
    }),
    throttled: new Counter({
      name: 'edge_clients_throttled_total',
      help: 'Number of times that the edge paused reading from a client because its address sent too much.',
      registers,
    }),
    terminated: new Counter({
      name: 'edge_clients_terminated_total',
      help: 'Number of connections that the edge closed because of the client, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    catchUps: new Counter({
      name: 'edge_catch_ups_total',
      help: 'Number of times that the edge missed events and read them, or the whole venue, from a booking process.',
      labelNames: ['kind'] as const,
      registers,
    }),
    commands: new Counter({
      name: 'edge_commands_total',
      help: 'Number of commands sent to a booking process, by action and outcome.',
      labelNames: ['action', 'code'] as const,
      registers,
    }),
  };
}
