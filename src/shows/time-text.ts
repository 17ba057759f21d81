import { localIso, utcOffsetMinutes } from './local-time.ts';

/** Times of shows, in the time of the hall: what the clock there shows. */

const minuteMs = 60_000;

/** "Sat, May 18, 2030 at 19:30 UTC+2", for readers whose time zone is unknown. */
export function zonedTimeText(iso: string, locale: string): string {
  const offset = utcOffsetMinutes(iso) ?? 0;
  return isTime(iso) ? `${textAt(iso, offset, locale)} ${zoneName(offset)}` : iso;
}

/** As `zonedTimeText`, for messages and commands. `offsetMinutes` is that of the hall; undefined is UTC. */
export const hallTimeText = (timeMs: number, offsetMinutes: number | undefined): string =>
  zonedTimeText(localIso(timeMs, offsetMinutes), 'en');

/**
 * "Sat, May 18, 2030 at 19:30", and the viewer's own time if it differs. A time in UTC says nothing about the hall, so it is
 * shown in the time of the viewer only.
 */
export function timeText(iso: string, locale?: string): string {
  if (!isTime(iso)) return iso;
  // Daylight saving counts at that time, not now.
  const own = -new Date(iso).getTimezoneOffset();
  const hall = utcOffsetMinutes(iso) ?? own;
  const text = textAt(iso, hall, locale);
  const isSameDay = textAt(iso, own, locale, dayFormat) === textAt(iso, hall, locale, dayFormat);
  const ownTime = textAt(iso, own, locale, isSameDay ? clockFormat : fullFormat);
  return hall === own ? text : `${text} ${zoneName(hall)} (your time: ${ownTime})`;
}

const dayFormat = { weekday: 'short', day: 'numeric', month: 'long', year: 'numeric' } as const;
const clockFormat = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const fullFormat = { ...dayFormat, ...clockFormat };

function textAt(
  iso: string,
  offsetMinutes: number,
  locale: string | undefined,
  format: Intl.DateTimeFormatOptions = fullFormat,
): string {
  // Not every browser knows time zones that are offsets.
  const shifted = new Date(Date.parse(iso) + offsetMinutes * minuteMs);
  return shifted.toLocaleString(locale, { ...format, timeZone: 'UTC' });
}

/** "UTC", "UTC+2", "UTC−3:30". */
function zoneName(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'UTC';
  const [hours, minutes] = [Math.floor(Math.abs(offsetMinutes) / 60), Math.abs(offsetMinutes) % 60];
  const fraction = minutes === 0 ? '' : `:${String(minutes).padStart(2, '0')}`;
  return `UTC${offsetMinutes < 0 ? '−' : '+'}${hours}${fraction}`;
}

const isTime = (iso: string): boolean => !Number.isNaN(Date.parse(iso));
