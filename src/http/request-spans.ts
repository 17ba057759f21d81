import { type Span, type SpanContext, SpanKind } from '@opentelemetry/api';
import type { FastifyRequest } from 'fastify';
import { failSpan, spanContextOf, tracing } from '../tracing/tracing.ts';
import type { HttpApp } from './http-app.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Its span. Absent while tracing is off. */
    trace?: SpanContext | undefined;
  }
}

/** Probes and scrapes come every few seconds, and files are static. */
const untraced = ['/health', '/ready', '/metrics', '*'];

/** A span for each request to a route. It continues the trace of the header `traceparent`. */
export function installRequestSpans(app: HttpApp): void {
  if (!tracing) return;
  const spans = new WeakMap<FastifyRequest, Span>();
  app.decorateRequest('trace', undefined);
  app.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, id } = request;
    const { url: route = '*' } = request.routeOptions;
    if (!untraced.some((ending) => route.endsWith(ending))) {
      const span = tracing?.span(`${method} ${route}`, spanContextOf(headers.traceparent), {
        kind: SpanKind.SERVER,
        // No path and no query: they name orders and payments.
        attributes: { 'http.request.method': method, 'http.route': route, 'booking.request_id': id },
      });
      if (span) spans.set(request, span);
      request.trace = span?.spanContext();
    }
    done();
  });
  app.addHook('onResponse', (request, { statusCode }, done) => {
    const span = spans.get(request);
    span?.setAttribute('http.response.status_code', statusCode);
    if (span && statusCode >= 500) failSpan(span, statusCode);
    span?.end();
    done();
  });
}
