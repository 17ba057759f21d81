import { isArrow, setDisabled, setFractionLeft } from '../dom.ts';
import { SeatButtons, seatIdOf } from '../seat-buttons.ts';
import type { Area } from './areas.ts';
import { pointAfterKey } from './direction.ts';
import type { DrawnSeats } from './drawn-seats.ts';
import type { MapHold, MapOptions } from './map-options.ts';
import { flagClasses, lookOf, seatButton } from './seat-look.ts';
import { ZoomPane } from './zoom-pane.ts';

/** Pixels from seat to seat. At the least of them a seat is 24 px wide. */
const leastPitchPx = 26;
/** Small enough to see more of the seats, large enough to read their numbers. */
const goodPitchPx = 31;
const usualPitchPx = 40;
const mostPitchPx = 72;
/** Room for the labels of the rows. */
const gutterPx = 28;
/** A box that is narrower by this has got a scrollbar. */
const scrollbarPx = 20;
/** Room above the first row for the stage. */
const topPitches = 1.5;

export interface SeatViewOptions extends MapOptions {
  userId: () => string;
  matches: (index: number) => boolean;
  onFocus: (id: string) => void;
  onHover: (id: string | undefined) => void;
  onZoom: () => void;
}

interface DrawnRow {
  label: HTMLElement;
  /** Places of its seats in the drawing, from the left. */
  seats: readonly { x: number; y: number }[];
}

/** Seats as buttons at their places: of one area, or of all of a small plan. Labels of rows stay at the left edge. */
export class SeatView {
  /** The box that scrolls. */
  readonly viewport = document.createElement('div');
  readonly #options: SeatViewOptions;
  readonly #canvas = document.createElement('div');
  readonly #stage = document.createElement('div');
  readonly #grid = document.createElement('div');
  readonly #buttons: SeatButtons;
  readonly #pane: ZoomPane;
  #rows: readonly DrawnRow[] = [];
  #drawn: DrawnSeats | undefined;
  #isLabelling = false;
  #fittedPx = 0;

  constructor(options: SeatViewOptions) {
    this.#options = options;
    const { viewport } = this;
    viewport.className = 'map-viewport';
    viewport.append(this.#canvas);
    this.#canvas.className = 'map-canvas';
    this.#stage.className = 'map-stage';
    this.#stage.setAttribute('aria-hidden', 'true');
    this.#stage.textContent = 'Stage';
    this.#grid.className = 'map-grid';
    this.#grid.setAttribute('role', 'grid');
    const gutter = document.createElement('div');
    gutter.className = 'map-gutter';
    this.#canvas.append(gutter, this.#stage, this.#grid);
    this.#buttons = new SeatButtons({
      root: this.#grid,
      appearance: (id) => lookOf(options, id, options.userId()),
      fixedClasses: (id) => this.#fixedClasses(id),
      seatAfterKey: (id, event) => this.#seatAfterKey(id, event),
      onClick: options.onPick,
      onRelease: options.onRelease,
      onFocus: options.onFocus,
    });
    this.#grid.addEventListener('pointerover', ({ target }) => options.onHover(seatIdOf(target)));
    this.#grid.addEventListener('pointerleave', () => options.onHover(undefined));
    this.#pane = new ZoomPane({ viewport, content: this.#canvas, gutterPx, apply: (scale) => this.#scale(scale) });
    viewport.addEventListener('scroll', () => this.#labelLater(), { passive: true });
    new ResizeObserver(() => this.#fitWidth()).observe(viewport);
  }

  get buttons(): SeatButtons {
    return this.#buttons;
  }

  get pane(): ZoomPane {
    return this.#pane;
  }

  /** Draws these rows in place of what is drawn. */
  open(area: Area, drawn: DrawnSeats): void {
    const { plan, words } = this.#options;
    this.#drawn = drawn;
    const isOnlySection = plan.sections.length === 1;
    this.#grid.setAttribute(
      'aria-label',
      `Seats${isOnlySection ? '' : ` of ${area.name}`}, the first row is nearest to the stage`,
    );
    const rows = plan.rows.slice(area.firstRow, area.endRow).map((row, nth) => {
      const element = document.createElement('div');
      element.className = 'map-row';
      element.setAttribute('role', 'row');
      const label = document.createElement('span');
      label.className = 'map-row-label';
      label.setAttribute('role', 'rowheader');
      label.setAttribute('aria-label', `Row ${row.label}`);
      label.textContent = row.label;
      element.append(label);
      const seats: { x: number; y: number }[] = [];
      for (let index = row.start; index < row.end; index++) {
        const button = seatButton(this.#options, index);
        const [x, y] = [drawn.x[index - drawn.start] ?? 0, drawn.y[index - drawn.start] ?? 0];
        seats.push({ x, y });
        button.setAttribute('role', 'gridcell');
        button.tabIndex = nth === 0 && index === row.start ? 0 : -1;
        button.setAttribute('aria-label', words.place(index));
        button.style.setProperty('--x', x.toFixed(3));
        button.style.setProperty('--y', y.toFixed(3));
        element.append(button);
      }
      return { element, row: { label, seats: seats.toSorted((a, b) => a.x - b.x) } };
    });
    this.#rows = rows.map(({ row }) => row);
    this.#grid.replaceChildren(...rows.map(({ element }) => element));
    this.#buttons.adopt(this.#grid.querySelectorAll('button'));
    this.#buttons.render();
    this.#fit(drawn);
  }

  close(): void {
    this.#drawn = undefined;
    this.#rows = [];
    this.#grid.replaceChildren();
    this.#buttons.adopt([]);
  }

  /** Scrolls until the middle of these seats is in the middle. */
  centre(indexes: readonly number[]): void {
    const drawn = this.#drawn;
    if (!drawn || indexes.length === 0) return;
    const mean = (of: Float64Array) =>
      indexes.reduce((sum, index) => sum + (of[index - drawn.start] ?? 0), 0) / indexes.length;
    this.#pane.centre(mean(drawn.x) + 0.5, mean(drawn.y) + 0.5 + topPitches);
  }

  renderLive(isLive: boolean): void {
    setDisabled(this.#grid, !isLive);
  }

  renderTime(holds: readonly MapHold[], holdMs: number): void {
    for (const { seat, remainingMs } of holds) {
      const button = this.#buttons.get(seat.id);
      if (button) setFractionLeft(button, remainingMs, holdMs);
    }
  }

  /** Another width of the box: the device was turned, or the window changed. */
  #fitWidth(): void {
    const { clientWidth } = this.viewport;
    if (clientWidth === 0 || Math.abs(clientWidth - this.#fittedPx) < scrollbarPx) return;
    if (this.#drawn) this.#fit(this.#drawn);
  }

  /** As wide as the box, and as high, if seats keep a good size. */
  #fit({ width, height }: DrawnSeats): void {
    this.#fittedPx = this.viewport.clientWidth;
    const fitting = (this.#fittedPx - gutterPx - 6) / width;
    const heightPx = Number.parseFloat(getComputedStyle(this.viewport).maxHeight) - 12;
    const fittingHeight = heightPx / (height + topPitches);
    this.#pane.reset(
      { least: leastPitchPx, most: mostPitchPx },
      Math.min(usualPitchPx, fitting, Math.max(goodPitchPx, fittingHeight)),
    );
    this.viewport.scrollLeft = (this.#canvas.clientWidth - this.viewport.clientWidth) / 2;
    this.viewport.scrollTop = 0;
  }

  #scale(pitchPx: number): void {
    const drawn = this.#drawn;
    if (!drawn) return;
    const { style } = this.#canvas;
    style.setProperty('--pitch', `${pitchPx.toFixed(2)}px`);
    style.setProperty('--top', String(topPitches));
    style.width = `${Math.ceil(gutterPx + drawn.width * pitchPx + 6)}px`;
    style.height = `${Math.ceil((drawn.height + topPitches) * pitchPx + 10)}px`;
    const stageX = Math.min(drawn.width - 0.5, Math.max(0.5, drawn.focal.x + 0.5));
    this.#stage.style.setProperty('--x', stageX.toFixed(3));
    this.#labelRows();
    this.#options.onZoom();
  }

  #labelLater(): void {
    if (this.#isLabelling) return;
    this.#isLabelling = true;
    requestAnimationFrame(() => {
      this.#isLabelling = false;
      this.#labelRows();
    });
  }

  /** Labels of curved rows are beside the first seat that is visible. */
  #labelRows(): void {
    const fromX = this.viewport.scrollLeft / this.#pane.scale;
    for (const { label, seats } of this.#rows) {
      const first = seats.find(({ x }) => x >= fromX) ?? seats.at(-1);
      label.style.setProperty('--y', (first?.y ?? 0).toFixed(3));
    }
  }

  #fixedClasses(id: string): string {
    const index = this.#options.plan.indexOf(id) ?? 0;
    return `${flagClasses(this.#options, index)}${this.#options.matches(index) ? '' : ' filtered-out'}`;
  }

  #seatAfterKey(id: string, { key, ctrlKey }: KeyboardEvent): string | undefined {
    const { plan } = this.#options;
    const drawn = this.#drawn;
    const index = plan.indexOf(id);
    if (!drawn || index === undefined) return undefined;
    const row = plan.rows[plan.rowOf(index)];
    const last = drawn.start + drawn.x.length - 1;
    const places = { x: drawn.x, y: drawn.y };
    const from = index - drawn.start;
    switch (key) {
      case 'Home':
        return plan.id(ctrlKey ? drawn.start : (row?.start ?? index));
      case 'End':
        return plan.id(ctrlKey ? last : (row?.end ?? index + 1) - 1);
      case 'PageUp':
      case 'PageDown': {
        const arrow = key === 'PageUp' ? 'ArrowUp' : 'ArrowDown';
        let to = from;
        for (let next: number | undefined = from; next !== undefined; next = pointAfterKey(arrow, to, places))
          to = next;
        return plan.id(drawn.start + to);
      }
      default: {
        if (!isArrow(key)) return undefined;
        const inRow = key === 'ArrowRight' ? index + 1 : index - 1;
        const isSideways = key === 'ArrowLeft' || key === 'ArrowRight';
        if (isSideways && row && inRow >= row.start && inRow < row.end) return plan.id(inRow);
        return plan.id(drawn.start + (pointAfterKey(key, from, places) ?? from));
      }
    }
  }
}
