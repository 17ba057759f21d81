import fastifyCors, { type FastifyCorsOptions } from '@fastify/cors';
import type { FastifyRequest } from 'fastify';
import type { HttpApp } from './http-app.ts';
import { isListedOrigin } from './origin.ts';

const preflightMaxAgeSeconds = 600;

/**
 * Lets pages of the allowed origins call the API and read the replies, errors too. Without credentials: the cookie is
 * SameSite=Strict, so such a page acts by the token that it requests. Registered before the guard, whose refusals are then readable:
 * so `countPreflight` counts what is answered here and never reaches the guard.
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
      const answer = () => callback(null, { ...shared, origin });
      if (origin && method === 'OPTIONS') countPreflight(request).then(answer, callback);
      else answer();
    },
  });
}
