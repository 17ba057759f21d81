import proxyAddr from '@fastify/proxy-addr';
import type { FastifyRequest } from 'fastify';
import { addressKey } from '../http/address-key.ts';
import { edgeKeyHeader } from './edge-key.ts';

/** The key under which limits count a request; undefined for requests of our own edges or tools, which are not counted. */
export type CountedAddress = (request: CountedRequest) => string | undefined;

/** The part of a request that identifies its client. */
export type CountedRequest = Pick<FastifyRequest, 'ip' | 'headers' | 'socket'>;

/**
 * Edges and nginx forward the address of their client, so a trusted peer that forwards none acts for itself. With `edgeKey`
 * only the edge with this key is trusted in this way, because clients connect from the same addresses.
 */
export function countedAddress(options: { trustedProxies: string[]; edgeKey?: string | undefined }): CountedAddress {
  const { trustedProxies, edgeKey } = options;
  const isTrusted = proxyAddr.compile(trustedProxies);
  return ({ ip, headers, socket }) => {
    const forwarded = headers['x-forwarded-for'];
    if (edgeKey === undefined) {
      const isOurs = forwarded === undefined && isTrusted(socket.remoteAddress ?? '', 0);
      return isOurs ? undefined : addressKey(ip);
    }
    if (headers[edgeKeyHeader] !== edgeKey) return addressKey(ip);
    return forwarded === undefined ? undefined : addressKey(String(forwarded));
  };
}
