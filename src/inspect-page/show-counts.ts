import { element, setText } from '../browser/dom.ts';
import { loadDetails } from '../browser/load-show.ts';
import type { ShowDetails } from '../protocol/show.ts';

const everyMs = 2_000;

/** The counts of all seats of a show whose page shows only some of them. */
export class ShowCounts {
  readonly #root = element('show-counts', HTMLElement);
  readonly #showId: string;
  #isShown = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(showId: string) {
    this.#showId = showId;
  }

  /** `isShown`: the page shows some seats, as they are now. */
  render(isShown: boolean): void {
    if (this.#isShown === isShown) return;
    this.#isShown = isShown;
    this.#root.hidden = true; // until there are new counts
    clearTimeout(this.#timer);
    if (isShown) void this.#read();
  }

  async #read(): Promise<void> {
    const details = document.hidden ? undefined : await loadDetails(this.#showId).catch(() => undefined);
    if (!this.#isShown) return;
    if (details) this.#write(details);
    this.#timer = setTimeout(() => void this.#read(), everyMs);
  }

  #write({ counts, seats }: ShowDetails): void {
    const [available, held, booked] = [counts.available, counts.held, counts.booked].map((count) =>
      count.toLocaleString('en'),
    );
    setText(
      this.#root,
      `All ${seats.toLocaleString('en')} seats: ${available} available, ${held} held, ${booked} booked.`,
    );
    this.#root.hidden = false;
  }
}
