export interface Followed {
  machine: string;
  /** The transitions to highlight. */
  classes: readonly string[];
}

/** Time that each machine stays on the screen while transitions are frequent. */
const dwellMs = 700;

/** Follows the latest transition from machine to machine, at a readable pace. */
export class Follower {
  readonly #show: (followed: Followed) => void;
  #isOn = false;
  #shown = '';
  #latest: Followed | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(show: (followed: Followed) => void) {
    this.#show = show;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  turn(isOn: boolean): void {
    this.#isOn = isOn;
    this.#latest = undefined;
    this.#shown = '';
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  offer(followed: Followed): void {
    if (!this.#isOn) return;
    this.#latest = followed;
    if (this.#timer === undefined || followed.machine === this.#shown) this.#showLatest();
  }

  #showLatest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const followed = this.#latest;
    if (!followed) return;
    this.#latest = undefined;
    this.#shown = followed.machine;
    this.#timer = setTimeout(() => this.#showLatest(), dwellMs);
    this.#show(followed);
  }
}
