import proxyAddr from '@fastify/proxy-addr';
import type { FastifyRequest } from 'fastify';
import { addressKey } from '../http/address-key.ts';
import { edgeKeyHeader } from './edge-key.ts';

/** The key under which limits count the address of a request; undefined: a request of our own edges or tools, which is not counted. */
export type CountedAddress = (request: FastifyRequest) => string | undefined;

/**
 * An edge forwards the address of its browser, and nginx that of its client. So a trusted peer that forwards none acts for
 * itself. With `edgeKey` only the edge that has this key is trusted so far: clients connect from the same addresses.
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
