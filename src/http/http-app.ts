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
import { answerClientError } from './client-error-handler.ts';
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
  }
  interface FastifyContextConfig {
    /** What a request costs of its caller's requests per second. Without it: 1. */
    points?: number;
  }
}

const bodyLimitBytes = 4_096;
/** Longer than any proxy before us keeps a connection: it is never us who closes one that a request is on its way on. */
const keepAliveTimeoutMs = 75_000;
/** For all of a request, headers and body, to come: who sends slowly keeps nobody's place. */
const defaultRequestTimeoutMs = 10_000;

/** A Fastify app as every process here has it. `explain` tells what to say of errors that are foreseen. */
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
    // A logger of its own for each request would cost a fifth of what a request costs, and hardly any of them logs.
    logger: false,
    bodyLimit: bodyLimitBytes,
    trustProxy,
    keepAliveTimeout: keepAliveTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // Node swaps the two where the headers' is the longer: then bodies would have that.
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: requestTimeoutMs / 5 },
    forceCloseConnections: 'idle',
    genReqId: requestIdOf,
    frameworkErrors: (error, request, reply) => errors.send(error, request, secure(request, reply)),
    clientErrorHandler: answerClientError,
    // What is of the wrong type is refused, not converted.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.decorate('refusalCounts', errors.counts);
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
