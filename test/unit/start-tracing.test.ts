import { propagation, trace } from '@opentelemetry/api';
import { expect, onTestFinished, test, vi } from 'vitest';
import { loadEdgeConfig } from '../../src/process/config.ts';
import { startTracing } from '../../src/process/start-tracing.ts';
import { traceWith, tracing } from '../../src/tracing/tracing.ts';
import { freePort } from '../support/servers.ts';
import { silent } from '../support/silent.ts';
import { receiveTraces } from '../support/trace-receiver.ts';

/** Until the end of the test. Returns the function that ends the export. */
async function start(url: string, settings: Record<string, string> = {}) {
  // Without a bound, an end that waits for the receiver takes longer than a test may.
  vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '3600000');
  vi.stubEnv('OTEL_BSP_EXPORT_TIMEOUT', '3600000');
  const config = loadEdgeConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: url, ...settings });
  for (const name of Object.keys(config)) if (name.startsWith('OTEL_')) vi.stubEnv(name, undefined);
  onTestFinished(() => {
    vi.unstubAllEnvs();
    traceWith(undefined);
    trace.disable();
    propagation.disable();
  });
  return startTracing({ name: 'edge', port: 3000 }, config, silent);
}

async function receiver(mode: 'replies' | 'is silent') {
  const traces = await receiveTraces(mode === 'replies');
  onTestFinished(() => traces.close());
  return traces;
}

test('[R995] the end of a process sends its last spans', async () => {
  const traces = await receiver('replies');
  const stop = await start(traces.url, { OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test' });
  tracing?.span('last', undefined, {}).end();
  await stop();
  expect(traces.spans).toMatchObject([{ service: 'edge', name: 'last' }]);
  expect(traces.bodies.join()).toContain('deployment.environment.name');
});

test.each([
  ['is down', async () => `http://127.0.0.1:${await freePort()}`],
  ['does not reply', async () => (await receiver('is silent')).url],
])('[R995] a receiver that %s does not hold up the end of a process', async (_, receiverUrl) => {
  const stop = await start(await receiverUrl());
  tracing?.span('last', undefined, {}).end();
  await expect(stop()).resolves.toBeUndefined();
});
