import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import type { HttpApp } from './http-app.ts';
import { isListedOrigin } from './origin.ts';

const preflightMaxAgeSeconds = 600;

/**
 * Lets pages of the allowed origins call the API and read all replies, including errors. Without credentials: the cookie is
 * SameSite=Strict, so such a page authenticates by a token. Registered before the guard, so that its refusals are readable;
 * preflight requests therefore never reach the guard, and `countPreflight` counts them.
 */
export async function allowOrigins(
  app: HttpApp,
  allowed: readonly string[],
  countPreflight: (request: FastifyRequest) => Promise<void>,
): Promise<void> {
  if (allowed.length === 0) return;
  const shared: FastifyCorsOptions = {
    methods: ['GET', 'HEAD', 'POST'],
    allowedHeaders: ['Content-Type', 'Authorization', 'Idempotency-Key', 'X-Attempt', 'If-None-Match'],
    exposedHeaders: ['ETag', 'Retry-After', 'X-Request-Id', 'X-Venue-Stale'],
    maxAge: preflightMaxAgeSeconds,
  };
  await app.register(fastifyCors, {
    delegator: (request, callback) => {
      const { method, url, headers } = request;
      const origin = url.startsWith('/api/') && isListedOrigin(headers.origin, allowed);
      const reply = () => callback(null, { ...shared, origin });
      if (origin && method === 'OPTIONS') countPreflight(request).then(reply, callback);
      else reply();
    },
  });
}
