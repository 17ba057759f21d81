import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  fastify,
  type RawServerDefault,
} from 'fastify';
import type { Logger } from 'pino';
import type { ErrorCode, ErrorDetail } from '../protocol/errors.ts';
import { replyToClientError } from './client-error-handler.ts';
import { ErrorReplies } from './error-replies.ts';
import { requestIdOf } from './request-id.ts';
import { dataHeaders, isData, securityHeaders, tlsHeaders } from './security-headers.ts';

export type HttpApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyInstance {
    refusalCounts: ReadonlyMap<ErrorCode, number>;
    /** Counts, and logs if need be, a refusal that is only a part of a reply. */
    countRefusal: ErrorReplies['count'];
  }
  interface FastifyContextConfig {
    /** How many requests of its caller's rate a request counts as. Default: 1. */
    points?: number | ((request: FastifyRequest) => number);
  }
}

const bodyLimitBytes = 4_096;
/** Longer than proxies in front of us keep a connection: we never close one on which a request is in flight. */
const keepAliveTimeoutMs = 75_000;
/** Time for a complete request, headers and body: slow senders must not hold connections. */
const defaultRequestTimeoutMs = 10_000;

/** The Fastify app that every process uses. `explain` describes the errors that the process expects. */
export function createHttpApp(
  logger: Logger,
  options: {
    explain?: (error: unknown) => ErrorDetail | undefined;
    trustProxy?: string[];
    requestTimeoutMs?: number;
  } = {},
): HttpApp {
  const { explain = () => undefined, trustProxy = [], requestTimeoutMs = defaultRequestTimeoutMs } = options;
  const errors = new ErrorReplies(logger, explain);
  const app = fastify({
    // A logger per request adds a fifth to the cost of a request, and hardly any request logs.
    logger: false,
    bodyLimit: bodyLimitBytes,
    trustProxy,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Node swaps the two time-outs if the one for headers is longer, which would then apply to bodies.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: requestTimeoutMs / 5 },
    forceCloseConnections: 'idle',
    genReqId: requestIdOf,
    frameworkErrors: (error, request, reply) => errors.send(error, request, secure(request, reply)),
    clientErrorHandler: replyToClientError,
    // A value of the wrong type is refused, not converted.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.decorate('refusalCounts', errors.counts);
  app.decorate('countRefusal', (code, request) => errors.count(code, request));
  app.addHook('onRequest', (request, reply, done) => {
    if (isData(request.url)) reply.headers(dataHeaders);
    else secure(request, reply);
    done();
  });
  errors.install(app);
  return app;
}

function secure({ protocol }: FastifyRequest, reply: FastifyReply): FastifyReply {
  return protocol === 'https' ? reply.headers({ ...securityHeaders, ...tlsHeaders }) : reply.headers(securityHeaders);
}
