/**
 * Whether a request may come from that page. A program sends no Origin; a browser says truly which page it is, and
 * only our own, or one that is allowed by name, may act for its user (RFC 6454; OWASP: CSRF, cross-site WebSocket hijacking).
 */
export function isAllowedOrigin(
  { origin, host }: { origin?: string | undefined; host?: string | undefined },
  allowed: readonly string[],
): boolean {
  if (origin === undefined || allowed.includes(origin)) return true;
  return host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}
