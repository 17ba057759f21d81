import { type ShownHold, sameEndMs } from './shown-hold.ts';

/**
 * The key that extends the user's holds. Browsers assign nothing to F2, and screen readers use it only together with
 * their own modifier key. It types nothing, so voice input cannot press it by chance (WCAG 2.1.4), and it is the same on
 * every keyboard layout.
 */
export const keepKey = 'F2';

/** The user has this long to find and press the button (WCAG 2.2.1). */
const offeredForS = 20;

/** Of a shorter hold the offer is shown for at least this part. */
const offeredFraction = 2 / 3;

/** Whether the key is pressed once, alone. */
export function isKeepKey(
  event: Pick<KeyboardEvent, 'key' | 'repeat' | 'ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey'>,
) {
  const { key, repeat, ctrlKey, altKey, shiftKey, metaKey } = event;
  return key === keepKey && !(repeat || ctrlKey || altKey || shiftKey || metaKey);
}

/** The offer to extend the user's holds before the first of them ends. */
export class KeepOffer {
  /** Seat and transition of each hold whose offer was announced. */
  readonly #announced = new Set<string>();
  /** Held seats whose hold the server does not extend any more. */
  readonly #exhausted = new Set<string>();

  /** The holds that one command can extend; none as long as nothing is offered. */
  offered(holds: readonly ShownHold[], holdSeconds: number): readonly ShownHold[] {
    const extendable = holds.filter(({ seat, remainingMs }) => remainingMs > 0 && !this.#exhausted.has(seat.id));
    return extendable.some(({ remainingMs }) => remainingMs <= offeredMs(holdSeconds)) ? extendable : [];
  }

  /** The offered holds whose end is to be announced now, each once. Ends that are shown as one are announced as one. */
  takeAnnouncement(offered: readonly ShownHold[], holdSeconds: number): readonly ShownHold[] {
    const fromMs = offeredMs(holdSeconds);
    const due = offered.filter((hold) => hold.remainingMs <= fromMs + sameEndMs && !this.#announced.has(keyOf(hold)));
    if (!due.some(({ remainingMs }) => remainingMs <= fromMs)) return [];
    for (const hold of due) this.#announced.add(keyOf(hold));
    return due;
  }

  /** The server refuses to extend the hold of this seat. */
  exhaust(seatId: string): void {
    this.#exhausted.add(seatId);
  }

  /** The user does not hold the seat any more; the next hold of it can be extended again. */
  forget(seatId: string): void {
    this.#exhausted.delete(seatId);
  }
}

/** Whole seconds, since the page looks at the time when a shown second changes. */
const offeredMs = (holdSeconds: number) => Math.min(offeredForS, Math.ceil(holdSeconds * offeredFraction)) * 1000;

const keyOf = ({ seat }: ShownHold) => `${seat.id}:${seat.seq}`;
