/** A proxy may send any value: it must not lock a page out for hours. */
const maxMs = 300_000;

/** The wait in the `Retry-After` of a reply; undefined without a valid one. A date is compared with the `Date` of the reply. */
export function retryAfterMs({ headers }: Pick<Response, 'headers'>): number | undefined {
  const value = headers.get('retry-after')?.trim();
  if (!value) return undefined;
  const ms = /^\d+$/.test(value)
    ? Number(value) * 1000
    : Date.parse(value) - Date.parse(headers.get('date') ?? new Date().toUTCString());
  return Number.isFinite(ms) ? Math.min(maxMs, Math.max(0, ms)) : undefined;
}
