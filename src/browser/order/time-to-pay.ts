/** Remaining seconds at which the time left is announced. */
const announcedAtS = [300, 60, 20];

/** "9:41" until the end of the time to pay. */
export function minutesText(msLeft: number): string {
  const seconds = Math.max(0, Math.ceil(msLeft / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** The times to announce: each once, and none that had passed before the page was loaded. */
export class TimeToPay {
  #lastS: number | undefined;

  /** The text to announce now; undefined: none. */
  announcement(msLeft: number): string | undefined {
    const seconds = Math.max(0, Math.ceil(msLeft / 1000));
    const before = this.#lastS ?? seconds;
    this.#lastS = seconds;
    const isDue = announcedAtS.some((atS) => atS < before && atS >= seconds);
    return isDue && seconds > 0 ? `${inWords(seconds)} left to pay.` : undefined;
  }
}

function inWords(seconds: number): string {
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.ceil(seconds / 60);
  return minutes === 1 ? '1 minute' : `${minutes} minutes`;
}
