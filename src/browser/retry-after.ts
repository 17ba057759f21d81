/** A proxy in front may name any time: a page must not be shut out for hours. */
const maxMs = 300_000;

/** The wait that a reply asks for; undefined without a valid `Retry-After`. A date is read against the reply's own `Date`. */
export function retryAfterMs({ headers }: Pick<Response, 'headers'>): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const ms = /^\d+$/.test(value)
    ? Number(value) * 1000
    : Date.parse(value) - Date.parse(headers.get('date') ?? new Date().toUTCString());
  return Number.isFinite(ms) ? Math.min(maxMs, Math.max(0, ms)) : undefined;
}
