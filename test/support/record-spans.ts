import { propagation, type SpanContext, trace } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { onTestFinished } from 'vitest';
import { traceWith } from '../../src/tracing/tracing.ts';

interface RecordOptions {
  /** False: no request and no message carries its trace. */
  propagates?: boolean;
  sampler?: Sampler;
}

/** Turns tracing on in this process until the end of the test. Returns the ended spans. */
export function recordSpans({ propagates = true, sampler }: RecordOptions = {}): () => ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(exporter)],
    ...(sampler && { sampler }),
  });
  provider.register({ contextManager: null, ...(!propagates && { propagator: null }) });
  traceWith(provider.getTracer('test'));
  onTestFinished(() => {
    traceWith(undefined);
    trace.disable();
    propagation.disable();
  });
  return () => exporter.getFinishedSpans();
}

/** Of a span in some other process. */
export const someContext = (number: number, { isSampled = true } = {}): SpanContext => ({
  traceId: String(number).padStart(32, '0'),
  spanId: String(number).padStart(16, '0'),
  traceFlags: isSampled ? 1 : 0,
});
