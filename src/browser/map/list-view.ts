import { setText } from '../dom.ts';
import { SeatButtons } from '../seat-buttons.ts';
import type { Area } from './areas.ts';
import type { MapOptions } from './map-options.ts';
import { categoriesOf, flagClasses, lookOf, priceRange, seatButton } from './seat-look.ts';

export interface ListViewOptions extends MapOptions {
  areas: readonly Area[];
  free: (area: number) => number;
  userId: () => string;
  matches: (index: number) => boolean;
  onFocus: (id: string) => void;
}

/** Of an area or a row. */
interface Entry {
  item: HTMLDetailsElement;
  free: HTMLElement;
  price: HTMLElement;
  categories: ReadonlySet<string>;
}

/** The map as a list: areas, their rows, their seats. Rows and seats are made when they are first opened. */
export class ListView {
  readonly root = document.createElement('ul');
  readonly #options: ListViewOptions;
  readonly #areas: Entry[];
  readonly #rows = new Map<number, Entry>();
  readonly #buttons: SeatButtons;
  readonly #changedRows = new Set<number>();

  constructor(options: ListViewOptions) {
    this.#options = options;
    this.root.className = 'seat-list';
    this.root.setAttribute('aria-label', 'Seats by section and row');
    this.#buttons = new SeatButtons({
      root: this.root,
      appearance: (id) => lookOf(options, id, options.userId()),
      fixedClasses: (id) => this.#fixedClasses(id),
      onClick: options.onPick,
      onRelease: options.onRelease,
      onFocus: options.onFocus,
    });
    this.#areas = options.areas.map((area, index) =>
      disclosure(area.name, categoriesOf(options.plan, area), () => this.#makeRows(index)),
    );
    this.root.append(...this.#areas.map(({ item }) => listItem(item)));
  }

  get buttons(): SeatButtons {
    return this.#buttons;
  }

  /** Opens an area. */
  open(area: number | undefined): void {
    const entry = this.#areas[area ?? -1];
    if (entry) openNow(entry.item);
  }

  /** Removes all rows and seats: other views have buttons for the same seats. */
  close(): void {
    for (const { item } of this.#areas) {
      item.open = false;
      while (item.childElementCount > 1) item.lastElementChild?.remove();
    }
    this.#rows.clear();
    this.#buttons.adopt([]);
  }

  touch(index: number): void {
    this.#changedRows.add(this.#options.plan.rowOf(index));
  }

  /** Writes counts and prices of these areas, and of the rows that were touched. */
  draw(areas: Iterable<number>): void {
    for (const area of areas) {
      const entry = this.#areas[area];
      if (entry) this.#write(entry, this.#options.free(area));
    }
    for (const row of this.#changedRows) this.#countRow(row);
    this.#changedRows.clear();
  }

  /** Opens the row of the seat, and moves the focus there. */
  focus(index: number): void {
    const { plan, areas } = this.#options;
    this.open(areas.findIndex(({ start, end }) => index >= start && index < end));
    const row = this.#rows.get(plan.rowOf(index));
    if (row) openNow(row.item);
    this.#buttons.render();
    this.#buttons.focus(plan.id(index));
  }

  #makeRows(area: number): HTMLElement {
    const { plan, areas } = this.#options;
    const { firstRow = 0, endRow = 0 } = areas[area] ?? {};
    const list = document.createElement('ul');
    list.className = 'list-rows';
    for (let row = firstRow; row < endRow; row++) {
      const { label = '', start = 0, end = 0 } = plan.rows[row] ?? {};
      const entry = disclosure(`Row ${label}`, categoriesOf(plan, { start, end }), () => this.#makeSeats(row));
      this.#rows.set(row, entry);
      this.#countRow(row);
      list.append(listItem(entry.item));
    }
    return list;
  }

  #makeSeats(row: number): HTMLElement {
    const { start = 0, end = 0 } = this.#options.plan.rows[row] ?? {};
    const seats = document.createElement('div');
    seats.className = 'list-seats';
    const buttons = range({ start, end }).map((index) => seatButton(this.#options, index));
    seats.append(...buttons);
    this.#buttons.add(buttons);
    this.#buttons.render();
    return seats;
  }

  #countRow(row: number): void {
    const entry = this.#rows.get(row);
    const { start = 0, end = 0 } = this.#options.plan.rows[row] ?? {};
    if (!entry) return;
    const free = range({ start, end }).filter((index) => {
      return this.#options.matches(index) && this.#options.seat(this.#options.plan.id(index))?.status === 0;
    });
    this.#write(entry, free.length);
  }

  #write({ free, price, categories }: Entry, count: number): void {
    setText(free, freeText(count));
    setText(price, priceRange(categories, this.#options, this.#options.formatShortPrice));
  }

  #fixedClasses(id: string): string {
    const index = this.#options.plan.indexOf(id) ?? 0;
    return `${flagClasses(this.#options, index)}${this.#options.matches(index) ? '' : ' filtered-out'}`;
  }
}

/** An entry that opens. Its content is made once, when it is first opened. */
function disclosure(name: string, categories: ReadonlySet<string>, content: () => HTMLElement): Entry {
  const item = document.createElement('details');
  const summary = document.createElement('summary');
  const free = part('list-free', '');
  const price = part('list-price', '');
  summary.append(part('list-name', name), ' ', free, ' ', price);
  item.append(summary);
  const make = () => {
    if (item.open && item.childElementCount === 1) item.append(content());
  };
  item.addEventListener('toggle', make);
  contents.set(item, make);
  return { item, free, price, categories };
}

/** The browser fires `toggle` one task after the opening. */
const contents = new WeakMap<HTMLDetailsElement, () => void>();

function openNow(item: HTMLDetailsElement): void {
  item.open = true;
  contents.get(item)?.();
}

function listItem(content: HTMLElement): HTMLLIElement {
  const item = document.createElement('li');
  item.append(content);
  return item;
}

function part(className: string, text: string): HTMLElement {
  const span = document.createElement('span');
  span.className = className;
  span.textContent = text;
  return span;
}

const freeText = (free: number): string => (free === 0 ? 'none free' : `${free} free`);

const range = ({ start, end }: { start: number; end: number }): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);
