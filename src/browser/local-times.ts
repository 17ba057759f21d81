import { timeText } from './show-html.ts';

/** Writes all times of the page in the user's language and time zone. */
export function localiseTimes(root: ParentNode): void {
  for (const time of root.querySelectorAll('time')) time.textContent = timeText(time.dateTime);
}
