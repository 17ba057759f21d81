/** Three significant digits, with separators of thousands: 12,300 · 45.6 · 0.0123. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  if (Number.isInteger(value)) return value.toLocaleString('en-US');
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  if (digits === 0) return Number(value.toPrecision(4)).toLocaleString('en-US', { maximumFractionDigits: 0 });
  return value.toFixed(Math.min(digits, 6));
}

/** `p99Ms` → `p99 (ms)`, `serverCpuUsPerAnswer` → `server CPU per answer (µs)`. */
export function figureLabel(name: string): string {
  const units: [RegExp, string][] = [
    [/Ms$/, ' (ms)'],
    [/Us(?=Per)/, ' (µs)'],
    [/Bytes$/, ' (bytes)'],
    [/Percent$/, ' (%)'],
  ];
  const unit = units.find(([pattern]) => pattern.test(name));
  const bare = unit ? name.replace(unit[0], '') : name;
  const words = bare.replace(
    /([a-z0-9])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
  return words.replace('p999', 'p99.9').replace(/\bcpu\b/g, 'CPU') + (unit?.[1] ?? '');
}
