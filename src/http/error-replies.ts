import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ErrorReply } from '../protocol/commands.ts';
import { type ErrorCode, type ErrorDetail, errorCodes, errorDetail } from '../protocol/errors.ts';
import { jsonType } from './json-type.ts';
import { loggable, pathOf, RefusalLog } from './refusal-log.ts';
import { RefusedError } from './refused-error.ts';

type Refused = Pick<FastifyRequest, 'id' | 'ip' | 'method' | 'url'>;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * Sends every error of an app in the shape `{success: false, error: {code, message, retryable}}`. `explain` describes the
 * errors that the app expects.
 */
export class ErrorReplies {
  /** Number of refused requests, by code. */
  readonly counts = new Map<ErrorCode, number>();
  readonly #logger: Logger;
  readonly #refusals: RefusalLog;
  readonly #explain: (error: unknown) => ErrorDetail | undefined;

  constructor(logger: Logger, explain: (error: unknown) => ErrorDetail | undefined) {
    this.#logger = logger;
    this.#refusals = new RefusalLog(logger);
    this.#explain = explain;
  }

  /** Before the routes of the app. */
  install(app: FastifyInstance): void {
    const routes: { pattern: RegExp; methods: readonly string[] }[] = [];
    app.addHook('onRoute', ({ url, method }) => {
      routes.push({ pattern: patternOf(url), methods: [method].flat() });
    });
    app.addHook('onClose', async () => this.#refusals.close());
    app.setErrorHandler((error: FastifyError, request, reply) => {
      // Does not wait for the rest of a refused request's body. After a complete request the connection stays open.
      if (request.raw.complete) reply.removeHeader('connection');
      else reply.header('connection', 'close');
      if (error instanceof RefusedError && error.retryAfterMs !== undefined) {
        reply.header('retry-after', Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
      }
      const detail = error instanceof RefusedError ? error.detail : this.#explain(error);
      if (detail) this.#note(detail.code, request);
      return detail ? this.#refuse(reply, detail) : this.send(error, request, reply);
    });
    app.setNotFoundHandler((request, reply) => {
      const path = pathOf(request.url);
      const found = new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap((route) => route.methods));
      const allowed = methods.filter((method) => found.has(method));
      if (allowed.length === 0) {
        return this.#refuse(reply, errorDetail('NOT_FOUND', `Not found: ${loggable(path)}`));
      }
      reply.header('allow', allowed.join(', '));
      const message = `${loggable(path)} accepts ${allowed.join(', ')}, not ${request.method}`;
      return this.#refuse(reply, errorDetail('METHOD_NOT_ALLOWED', message));
    });
  }

  /** Counts, and logs if need be, a refusal that is not the whole reply to a request. */
  count(code: ErrorCode, request: Refused): void {
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    this.#note(code, request);
  }

  #note(code: ErrorCode, { id: reqId, ip, method, url }: Refused): void {
    if (code !== 'UNAUTHENTICATED' && code !== 'FORBIDDEN') return;
    this.#refusals.note(code, { ip, reqId, method, path: pathOf(url) });
  }

  /** Also for Fastify's `frameworkErrors` option: a URL that cannot be decoded never reaches the handlers of the app. */
  send(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const code = codeOf(error.statusCode ?? 500);
    if (code !== 'INTERNAL') return this.#refuse(reply, errorDetail(code, error.message));
    this.#logger.error({ err: error, reqId: request.id }, 'A request failed unexpectedly');
    return this.#refuse(reply, errorDetail(code, 'Something went wrong here; it has been logged')); // details could leak secrets
  }

  #refuse(reply: FastifyReply, error: ErrorDetail): FastifyReply {
    this.counts.set(error.code, (this.counts.get(error.code) ?? 0) + 1);
    const body: ErrorReply = { success: false, error };
    const { httpStatus } = errorCodes[error.code];
    if ((httpStatus === 429 || httpStatus === 503) && !reply.hasHeader('retry-after')) reply.header('retry-after', 1);
    // Bypasses the schema of the route, which may describe only other replies.
    return reply.status(httpStatus).type(jsonType).serializer(JSON.stringify).send(body);
  }
}

/** Of the paths of a route, with any text for each parameter. A wildcard is taken literally: it says nothing about a path. */
function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : part.replace(/[^\w-]/g, '\\$&')));
  return new RegExp(`^${parts.join('/')}$`);
}

function codeOf(httpStatus: number): ErrorCode {
  if (httpStatus < 400 || httpStatus >= 500) return 'INTERNAL';
  if (httpStatus === 413) return 'TOO_LARGE';
  if (httpStatus === 429) return 'RATE_LIMITED';
  if (httpStatus === 404) return 'NOT_FOUND';
  return 'INVALID_REQUEST';
}
