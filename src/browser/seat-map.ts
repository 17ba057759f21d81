import type { Seat } from '../protocol/seat.ts';
import { seatId } from '../protocol/seat-id.ts';
import { element, setDisabled, setFractionLeft } from './dom.ts';
import { placeAfterKey } from './grid-keys.ts';
import type { MapHold } from './map/map-options.ts';
import type { PageMap } from './page-map.ts';
import { seatAppearance } from './seat-appearance.ts';
import { SeatButtons } from './seat-buttons.ts';
import { seatGridHtml } from './seat-grid-html.ts';
import type { Venue } from './venue.ts';

export interface SeatMapOptions {
  seat: (id: string) => Seat | undefined;
  isPending: (id: string) => boolean;
  onClick: (id: string) => void;
  onRelease: (id: string) => void;
}

/** The grid of the default show. If the server has rendered it into the page, its elements are adopted. */
export class SeatMap implements PageMap {
  readonly #root = element('seat-map', HTMLElement);
  readonly #options: SeatMapOptions;
  readonly #buttons: SeatButtons;
  #size = { rows: 0, cols: 0 };
  /** The user whose seats are drawn as own seats. */
  #userId = '';

  constructor(options: SeatMapOptions) {
    this.#options = options;
    this.#buttons = new SeatButtons({
      root: this.#root,
      appearance: (id) => {
        const seat = options.seat(id);
        return seat && { ...seatAppearance(seat, this.#userId), isPending: options.isPending(id) };
      },
      seatAfterKey: (id, event) => this.#seatAfterKey(id, event),
      onClick: options.onClick,
      onRelease: options.onRelease,
    });
  }

  touch(id: string, byOthers = false): void {
    this.#buttons.touch(id, byOthers);
  }

  focus(id?: string): void {
    this.#buttons.focus(id);
  }

  /** Also called before the seats are known: the seats in the loaded page must look disabled too. */
  renderLive(isLive: boolean): void {
    this.#root.classList.toggle('dimmed', !isLive);
    setDisabled(this.#root, !isLive);
  }

  render(userId: string, venue: Venue): void {
    if (this.#size.rows !== venue.rows || this.#size.cols !== venue.cols) this.#takeOver(venue);
    if (this.#userId !== userId) {
      this.#userId = userId;
      this.#buttons.touchAll();
    }
    this.#buttons.render();
  }

  renderTime(holds: readonly MapHold[], holdMs: number): void {
    for (const { seat, remainingMs } of holds) {
      const button = this.#buttons.get(seat.id);
      if (button) setFractionLeft(button, remainingMs, holdMs);
    }
  }

  #takeOver({ rows, cols, seats }: Venue): void {
    this.#size = { rows, cols };
    const rendered = this.#root.querySelectorAll('.seat');
    if (rendered.length !== rows * cols || rendered[rendered.length - 1]?.id !== `seat-${seatId(rows - 1, cols - 1)}`) {
      this.#root.innerHTML = seatGridHtml(seats);
    }
    this.#root.style.setProperty('--rows', String(rows));
    this.#buttons.adopt(this.#root.querySelectorAll<HTMLButtonElement>('button.seat'));
  }

  #seatAfterKey(id: string, event: KeyboardEvent): string | undefined {
    const seat = this.#options.seat(id);
    const next = seat && placeAfterKey(event, seat, this.#size);
    return next && seatId(next.row, next.col);
  }
}
