import type { ConnectionStatus } from './connection-status.ts';
import { element, setText } from './dom.ts';
import type { Venue } from './venue.ts';

const shownIdLength = 6;

/** The status under the title, the counts in the legend, the small print, and the notice that the seats may be stale. */
export class StatusBar {
  readonly #status = element('connection-status', HTMLElement);
  readonly #statusText = element('connection-text', HTMLElement);
  readonly #nextTry = element('next-try', HTMLElement);
  readonly #retryButton = element('retry-btn', HTMLButtonElement);
  readonly #available = element('count', HTMLElement);
  readonly #total = element('total', HTMLElement);
  /** Texts with figures that are unknown at first. */
  readonly #known = document.querySelectorAll<HTMLElement>('#available-count, #hold-rules');
  readonly #held = element('held-count', HTMLElement);
  readonly #booked = element('booked-count', HTMLElement);
  readonly #holdSeconds = ['hold-seconds', 'hint-hold-seconds'].map((id) => element(id, HTMLElement));
  readonly #maxHolds = element('max-holds', HTMLElement);
  readonly #staleNotice = element('stale-notice', HTMLElement);
  readonly #watching = element('watching', HTMLElement);
  readonly #roundTrip = element('round-trip', HTMLElement);

  constructor(onRetry: () => void) {
    this.#retryButton.addEventListener('click', onRetry);
  }

  renderUser(userId: string): void {
    const shown = element('user-id', HTMLElement);
    setText(shown, userId.length > shownIdLength ? `${userId.slice(0, shownIdLength)}…` : userId);
    shown.title = userId;
  }

  renderConnection({ text, countdown, className, mayRetry }: ConnectionStatus): void {
    setText(this.#statusText, text);
    setText(this.#nextTry, countdown === undefined ? '' : ` ${countdown}`);
    this.#status.className = className;
    this.#retryButton.hidden = !mayRetry;
  }

  renderVenue({ counts, holdSeconds, maxHolds, isStale }: Venue): void {
    const { available, held, booked } = counts;
    for (const shown of this.#known) shown.hidden = false;
    setText(this.#available, String(available));
    setText(this.#total, String(available + held + booked));
    setText(this.#held, String(held));
    setText(this.#booked, String(booked));
    for (const shown of this.#holdSeconds) setText(shown, String(holdSeconds));
    setText(this.#maxHolds, String(maxHolds));
    this.#staleNotice.hidden = !isStale;
  }

  /** Both are undefined while they are unknown, as without a connection. */
  renderLine(watching: number | undefined, roundTripMs: number | undefined): void {
    this.#watching.hidden = watching === undefined;
    setText(this.#watching, watching === 1 ? '1 person viewing' : `${watching} people viewing`);
    this.#roundTrip.hidden = roundTripMs === undefined;
    setText(this.#roundTrip, `Latency: ${roundTripMs === undefined ? '' : Math.max(1, Math.round(roundTripMs))} ms`);
  }
}
