import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet from 'helmet';

type Directives = Record<string, readonly string[]>;

/** A page may only load from and connect to its own host, inline code never runs, and no site may frame it. */
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

/** Only over TLS: over plain HTTP browsers ignore the header and scanners report it. */
export const tlsHeaders: Readonly<Record<string, string>> = {
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
};

/** For replies that are a page or a part of one. nginx sets the same headers on all replies that it passes on. */
export const securityHeaders: Readonly<Record<string, string>> = {
  ...helmetHeaders(directives),
  // Not in helmet: denies devices and payment to a page that was compromised after all.
  'permissions-policy':
    'camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), payment=(), serial=(), usb=()',
};

/** For JSON, which is never a page: eight more headers would cost a quarter of the replies per second. */
export const dataHeaders: Readonly<Record<string, string>> = { 'x-content-type-options': 'nosniff' };

export const isData = (url: string): boolean => url.startsWith('/api/') && !url.startsWith('/api/docs');

/** The policy for a page that needs more than others: each given directive replaces the default one. */
export function contentSecurityPolicy(needed: Directives): string {
  const policy = helmetHeaders({ ...directives, ...needed })['content-security-policy'];
  assert(policy);
  return policy;
}

/** Computed once. @fastify/helmet computes the headers per request, which halves the requests per second. */
function helmetHeaders(policy: Directives): Record<string, string> {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const setHeaders = helmet({
    contentSecurityPolicy: { useDefaults: false, directives: policy },
    strictTransportSecurity: false, // in `tlsHeaders`
    // The policy covers these, or browsers have dropped them.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xFrameOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });
  setHeaders(request, response, () => {});
  return Object.fromEntries(Object.entries(response.getHeaders()).map(([name, value]) => [name, String(value)]));
}
