import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

type Directives = Record<string, readonly string[]>;

/** A page may load and ask nothing but its own host, nothing written into it is ever run, and nobody frames it. */
const directives: Directives = {
  'default-src': ["'none'"],
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'"],
  'connect-src': ["'self'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
  'frame-ancestors': ["'none'"],
};

/** Only over TLS: over plain HTTP browsers ignore it, and scanners report it. */
export const tlsHeaders: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
};

/** On each answer that is a page or a part of one. nginx sets the same on all that goes through it. */
export const securityHeaders: Readonly<Record<string, string>> = {
  ...helmetHeaders(directives),
  // What helmet has not: a page that was taken over all the same gets at no device and no wallet.
  'permissions-policy':
    'camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), payment=(), serial=(), usb=()',
};

/** On JSON, which is nobody's page: eight more headers would cost a quarter of the answers per second. */
export const dataHeaders: Readonly<Record<string, string>> = { 'x-content-type-options': 'nosniff' };

export const isData = (url: string): boolean => url.startsWith('/api/') && !url.startsWith('/api/docs');

/** The policy of a page that needs more than others: each directive named replaces ours. */
export function contentSecurityPolicy(needed: Directives): string {
  return helmetHeaders({ ...directives, ...needed })['content-security-policy'] as string;
}

/** Once and not at each request, as @fastify/helmet does it: that halves the requests per second. */
function helmetHeaders(policy: Directives): Record<string, string> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const setHeaders = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: policy },
    strictTransportSecurity: false, // in `tlsHeaders`
    // What these are for the policy says already, or browsers have given up.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  setHeaders(request, response, () => {});
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]));
}
