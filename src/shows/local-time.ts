import type { UtcOffsets } from './show.ts';

const minuteMs = 60_000;

/** Minutes east of UTC in a time of ISO 8601. undefined: it ends with Z, so it names no local time. */
export function utcOffsetMinutes(iso: string): number | undefined {
  const [, sign, hours, minutes] = /([+-])(\d{2}):(\d{2})$/.exec(iso) ?? [];
  if (sign === undefined) return undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

export const utcOffsetsOf = (times: { [_ in keyof UtcOffsets]: string | undefined }): UtcOffsets => ({
  starts_at: utcOffsetMinutes(times.starts_at ?? ''),
  sale_opens_at: utcOffsetMinutes(times.sale_opens_at ?? ''),
  sale_closes_at: utcOffsetMinutes(times.sale_closes_at ?? ''),
});

/** The time as a clock at that offset shows it: 2030-05-18T19:30:00+02:00. Without an offset in UTC, with milliseconds. */
export function localIso(timeMs: number, offsetMinutes: number | undefined): string {
  if (offsetMinutes === undefined) return new Date(timeMs).toISOString();
  const local = new Date(timeMs + offsetMinutes * minuteMs).toISOString().slice(0, 19);
  const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${twoDigits(hours)}:${twoDigits(minutes)}`;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');
