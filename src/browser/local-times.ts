import { timeText } from '../shows/time-text.ts';

/** Writes all times of the page in the user's language; in the time of the hall, and in the user's own if it differs. */
export function localiseTimes(root: ParentNode): void {
  for (const time of root.querySelectorAll('time')) time.textContent = timeText(time.dateTime);
}
