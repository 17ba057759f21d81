import type { ShownHold } from './shown-hold.ts';

const warnedMs = 10_000;

/** The holds that are about to end. The user is warned of each once, and again after each extension. */
export class EndWarnings {
  /** Seat and end of each hold that the user was warned about. */
  readonly #warned = new Set<string>();

  /** The holds that end soon, and were not among those of an earlier call. */
  takeEnding(holds: readonly ShownHold[], holdSeconds: number): ShownHold[] {
    // A hold that is short from its beginning gets its warning in the last third.
    const warnAtMs = Math.min(warnedMs, (holdSeconds * 1000) / 3);
    const keyOf = ({ seat }: ShownHold) => `${seat.id}:${seat.expires_at}`;
    const ending = holds.filter((hold) => {
      return hold.remainingMs > 0 && hold.remainingMs <= warnAtMs && !this.#warned.has(keyOf(hold));
    });
    for (const hold of ending) this.#warned.add(keyOf(hold));
    return ending;
  }
}
