import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { ErrorReply } from '../protocol/commands.ts';
import { type ErrorCode, type ErrorDetail, errorCodes, errorDetail } from '../protocol/errors.ts';
import { jsonType } from './json-type.ts';
import { RefusedError } from './refused-error.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/**
 * Gives every error of an app the one shape `{success: false, error: {code, message, retryable}}`. `explain` tells
 * what to say of errors that the app foresees.
 */
export class ErrorReplies {
  readonly #logger: Logger;
  readonly #explain: (error: unknown) => ErrorDetail | undefined;

  constructor(logger: Logger, explain: (error: unknown) => ErrorDetail | undefined) {
    this.#logger = logger;
    this.#explain = explain;
  }

  install(app: FastifyInstance): void {
    app.setErrorHandler((error: FastifyError, request, reply) => {
      // Who is refused with more to come is not waited for; one whose request has come whole keeps the connection.
      if (request.raw.complete) reply.removeHeader('connection');
      else reply.header('connection', 'close');
      if (error instanceof RefusedError && error.retryAfterMs !== undefined) {
        reply.header('retry-after', Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
      }
      const detail = error instanceof RefusedError ? error.detail : this.#explain(error);
      if (detail?.code === 'UNAUTHENTICATED' || detail?.code === 'FORBIDDEN') {
        const { id: reqId, ip, method, url } = request;
        this.#logger.info({ reqId, code: detail.code, ip, method, path: pathOf(url) }, 'Turned away');
      }
      return detail ? refuse(reply, detail) : this.send(error, request, reply);
    });
    app.setNotFoundHandler((request, reply) => {
      const path = pathOf(request.url);
      const allowed = methods.filter((method) => app.hasRoute({ method, url: path }));
      if (allowed.length === 0) return refuse(reply, errorDetail('NOT_FOUND', `There is nothing at ${path}`));
      reply.header('allow', allowed.join(', '));
      return refuse(
        reply,
        errorDetail('METHOD_NOT_ALLOWED', `${path} takes ${allowed.join(', ')}, not ${request.method}`),
      );
    });
  }

  /** For the `frameworkErrors` option of Fastify as well: a URL that cannot be decoded never reaches the handlers of the app. */
  send(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const code = codeOf(error.statusCode ?? 500);
    if (code !== 'INTERNAL') return refuse(reply, errorDetail(code, error.message));
    this.#logger.error({ err: error, reqId: request.id }, 'A request failed unexpectedly');
    return refuse(reply, errorDetail(code, 'Something went wrong here; it has been logged')); // the details are nobody else's
  }
}

/** Without the query, in which a client may have put anything. */
function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '/';
}

function codeOf(httpStatus: number): ErrorCode {
  if (httpStatus < 400 || httpStatus >= 500) return 'INTERNAL';
  if (httpStatus === 413) return 'TOO_LARGE';
  if (httpStatus === 429) return 'RATE_LIMITED';
  if (httpStatus === 404) return 'NOT_FOUND';
  return 'INVALID_REQUEST';
}

function refuse(reply: FastifyReply, error: ErrorDetail): FastifyReply {
  const body: ErrorReply = { success: false, error };
  const { httpStatus } = errorCodes[error.code];
  if ((httpStatus === 429 || httpStatus === 503) && !reply.hasHeader('retry-after')) reply.header('retry-after', 1);
  // Not through the schema of the route: a route whose replies are otherwise is refused in this shape as well.
  return reply.status(httpStatus).type(jsonType).serializer(JSON.stringify).send(body);
}
