import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { SpanExporter } from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import { traceWith } from '../tracing/tracing.ts';
import { type TracesConfig, tracesSettings } from './config.ts';
import { ConfigError } from './config-error.ts';
import { messageOf } from './error-facts.ts';
import { StateLog } from './state-log.ts';

/** At the end of the process: less than the time that its supervisor gives it. */
const flushTimeoutMs = 1_000;

/**
 * Exports traces if `OTEL_EXPORTER_OTLP_ENDPOINT` is set; otherwise the SDK is not even loaded. Returns a function that sends
 * the remaining spans, within a bounded time. Rejects with a `ConfigError`.
 */
export async function startTracing(
  service: { name: string; port: number },
  config: TracesConfig,
  logger: Logger,
): Promise<() => Promise<void>> {
  if (config.OTEL_EXPORTER_OTLP_ENDPOINT === '') return async () => {};
  // The SDK reads the environment. A setting may have come from a file.
  for (const name of tracesSettings) process.env[name] = String(config[name]);
  const { sdk, exporter, resources } = await loadSdk();
  const resource = resources
    .defaultResource()
    .merge(
      resources.resourceFromAttributes({
        'service.namespace': 'concert-booking',
        'service.name': service.name,
        'service.instance.id': `${hostname()}:${service.port}`,
      }),
    )
    .merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const log = new StateLog(logger);
  const otlp = loggedExporter(new exporter.OTLPTraceExporter(), log);
  const provider = new sdk.NodeTracerProvider({ resource, spanProcessors: [new sdk.BatchSpanProcessor(otlp)] });
  provider.register({ contextManager: null }); // parents are arguments
  traceWith(provider.getTracer('concert-booking'));
  logger.info('Traces are exported');
  return async () => {
    const flushed = provider.shutdown().catch((error) => logFailure(log, error));
    await Promise.race([flushed, delay(flushTimeoutMs, undefined, { ref: false })]);
  };
}

async function loadSdk() {
  try {
    const [sdk, exporter, resources] = await Promise.all([
      import('@opentelemetry/sdk-trace-node'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ]);
    return { sdk, exporter, resources };
  } catch (cause) {
    throw new ConfigError(
      'OTEL_EXPORTER_OTLP_ENDPOINT needs the optional packages of OpenTelemetry: npm install --include=optional',
      { cause },
    );
  }
}

/** Failures are logged once, until an export succeeds. */
function loggedExporter(exporter: SpanExporter, log: StateLog): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === 0) log.recovered('Traces are exported again');
        else logFailure(log, result.error);
        done({ code: 0 });
      }),
    shutdown: () => exporter.shutdown(),
  };
}

const logFailure = (log: StateLog, error: unknown) =>
  log.warn('Traces cannot be exported', { error: messageOf(error) });
