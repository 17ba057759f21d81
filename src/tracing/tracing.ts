import {
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';

/** Bounds the span of a large batch. Further members are only counted. */
export const maxLinks = 32;

type Options = Omit<SpanOptions, 'links' | 'root'>;

/**
 * Creates the spans of this process. Parents are arguments, as request ids are: calls are shared by many requests, so no
 * request is the current one.
 */
export class Tracing {
  readonly #tracer: Tracer;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /** Without a parent: the root of a new trace. */
  span(name: string, parent: SpanContext | undefined, options: Options): Span {
    return this.#tracer.startSpan(name, options, contextWith(parent));
  }

  /**
   * The span of work for several traces: a child of the first sampled one, with a link to each sampled one. Undefined if
   * none is sampled.
   */
  sharedSpan(name: string, members: readonly (SpanContext | undefined)[], options: Options): Span | undefined {
    const sampled = members.filter(isSampled);
    const [parent] = sampled;
    if (!parent) return undefined;
    const links = sampled.slice(0, maxLinks).map((context) => ({ context }));
    return this.#tracer.startSpan(name, { ...options, links }, contextWith(parent));
  }
}

/** Undefined while tracing is off. `tracing?.span(…)` then evaluates none of its arguments. */
export let tracing: Tracing | undefined;

/** Without a tracer: turns tracing off. */
export function traceWith(tracer: Tracer | undefined): void {
  tracing = tracer && new Tracing(tracer);
}

export const isSampled = (context: SpanContext | undefined): context is SpanContext =>
  context !== undefined && (context.traceFlags & TraceFlags.SAMPLED) !== 0;

/** The W3C header `traceparent` for a request or message that continues the trace. */
export function traceparentOf(context: SpanContext): string {
  const carrier: { traceparent?: string } = {};
  propagation.inject(contextWith(context), carrier);
  return carrier.traceparent ?? '';
}

/** Undefined if the header is absent or malformed. */
export function spanContextOf(traceparent: unknown): SpanContext | undefined {
  return traceparent === undefined
    ? undefined
    : trace.getSpanContext(propagation.extract(ROOT_CONTEXT, { traceparent }));
}

/** Without the message, which may name users. */
export function failSpan(span: Span, error: unknown): void {
  span.setAttribute('error.type', error instanceof Error ? error.name : String(error));
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** Ends the span when the work settles. */
export async function endWith<Result>(span: Span, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    failSpan(span, error);
    throw error;
  } finally {
    span.end();
  }
}

const contextWith = (parent: SpanContext | undefined) =>
  parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT;
