import { gzipSync } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import fresh from 'fresh';

const acceptsGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i;

/** A large body that rarely changes: kept in memory, and compressed once. */
export class CompressedBody {
  readonly #identity: Buffer;
  readonly #gzipped: Buffer;
  readonly #headers: { etag: string } & Record<string, string>;

  constructor(identity: Buffer, headers: { etag: string } & Record<string, string>) {
    this.#identity = identity;
    this.#gzipped = gzipSync(identity);
    this.#headers = { ...headers, vary: 'Accept-Encoding' };
  }

  send({ headers }: FastifyRequest, reply: FastifyReply): FastifyReply {
    reply.headers(this.#headers);
    if (fresh(headers, this.#headers)) return reply.status(304).send();
    if (!acceptsGzip.test(String(headers['accept-encoding'] ?? ''))) return reply.send(this.#identity);
    return reply.header('content-encoding', 'gzip').send(this.#gzipped);
  }
}
