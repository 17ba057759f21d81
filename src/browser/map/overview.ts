import type { SeatingPlan } from '../../shows/seating-plan.ts';
import { setAttribute, setText } from '../dom.ts';
import type { Area } from './areas.ts';
import { pointAfterKey } from './direction.ts';
import type { MapOptions } from './map-options.ts';
import { type Box, boxOf, middleOf, outlineOf, type Point, spanAt } from './outline.ts';
import { categoriesOf, priceRange } from './seat-look.ts';
import { ZoomPane } from './zoom-pane.ts';

/** An area is at least as large on the screen, so that a finger meets it. */
const leastAreaPx = 26;
/** The drawing is enlarged for this by at most this factor, relative to the box. */
const mostGrowth = 3;
const mostZoom = 6;
/** Mean width of a character, relative to the size of the font. */
const characterWidth = 0.62;
const fontPx = 12;
const linePx = 14;

export interface OverviewOptions extends MapOptions {
  areas: readonly Area[];
  free: (area: number) => number;
  /** Seats of the user in the area. */
  own: (area: number) => number;
  onOpen: (area: number) => void;
  onFocus: (area: number | undefined) => void;
  onZoom: () => void;
}

interface Shape {
  element: SVGGElement;
  /** Its texts, above all areas. The accessible name of the area contains them. */
  texts: SVGGElement;
  name: SVGTextElement;
  count: SVGTextElement;
  price: SVGTextElement;
  badge: SVGTextElement;
  outline: readonly Point[];
  /** The area extends this far beyond the centres of its seats. */
  halfSeat: number;
  middle: Point;
  box: Box;
  categories: ReadonlySet<string>;
}

/** All areas of a large plan with their free seats and prices. One tab stop; arrows lead to the next area in their direction. */
export class Overview {
  readonly viewport = document.createElement('div');
  readonly #options: OverviewOptions;
  readonly #svg = svg('svg');
  readonly #shapes: readonly Shape[];
  readonly #pane: ZoomPane;
  readonly #box: Box;
  #current = 0;

  constructor(options: OverviewOptions) {
    this.#options = options;
    const { plan, areas } = options;
    this.viewport.className = 'map-viewport overview';
    const pitch = Math.max(...plan.sections.map((section) => section.pitch)) || 20;
    this.#shapes = areas.map((area, index) => this.#shapeOf(area, index, pitch));
    const seats = boxOf(this.#shapes.flatMap(({ box }) => cornersOf(box)));
    const stage = stageBox(plan, seats, pitch);
    this.#box = grown(boxOf([...cornersOf(seats), ...cornersOf(stage)]), pitch);
    setAttribute(this.#svg, 'viewBox', boxText(this.#box));
    setAttribute(this.#svg, 'role', 'group');
    setAttribute(this.#svg, 'aria-label', 'Sections. Arrow keys move, Enter opens a section');
    this.#svg.append(stageShape(stage));
    for (const part of ['element', 'texts'] as const) this.#svg.append(...this.#shapes.map((shape) => shape[part]));
    this.viewport.append(this.#svg);
    this.#pane = new ZoomPane({
      viewport: this.viewport,
      content: this.#svg,
      gutterPx: 0,
      apply: (scale) => this.#scale(scale),
    });
    this.#listen();
    new ResizeObserver(() => this.#fit()).observe(this.viewport);
  }

  get pane(): ZoomPane {
    return this.#pane;
  }

  /** Range of prices in an area. */
  prices(area: number): string {
    const { categories = [] } = this.#shapes[area] ?? {};
    return priceRange(categories, this.#options, this.#options.formatShortPrice);
  }

  focus(area = this.#current): void {
    this.#moveTabStop(area);
    this.#shapes[area]?.element.focus();
  }

  /** Writes counts and prices of these areas. */
  draw(areas: Iterable<number>): void {
    let hasNewPrices = false;
    for (const index of areas) {
      const shape = this.#shapes[index];
      const area = this.#options.areas[index];
      if (!shape || !area) continue;
      const [free, own] = [this.#options.free(index), this.#options.own(index)];
      const size = area.end - area.start;
      const prices = this.prices(index);
      hasNewPrices ||= shape.price.textContent !== prices;
      setText(shape.price, prices);
      setText(shape.count, free === 0 ? 'none' : String(free));
      setText(shape.badge, own > 0 ? `★ ${own}` : '');
      setAttribute(shape.element, 'class', free === 0 ? 'area full' : 'area');
      setAttribute(shape.texts, 'class', free === 0 ? 'area-texts full' : 'area-texts');
      shape.element.style.setProperty('--free', (0.12 + 0.4 * Math.sqrt(free / size)).toFixed(2));
      setAttribute(shape.element, 'aria-label', labelOf(area.name, { free, own, prices }));
    }
    if (hasNewPrices) this.#label(this.#pane.scale);
  }

  #shapeOf(area: Area, index: number, pitch: number): Shape {
    const { plan } = this.#options;
    const element = svg('g');
    setAttribute(element, 'role', 'button');
    setAttribute(element, 'tabindex', index === 0 ? '0' : '-1');
    element.dataset.area = String(index);
    element.style.setProperty('--pitch', `${pitch * 1.25}px`);
    const points: Point[] = [];
    const fills: SVGPathElement[] = [];
    for (const { category, firstRow, endRow } of bandsOf(plan, area)) {
      const outline = outlineOf(plan, firstRow, endRow);
      for (const className of ['area-edge', 'area-fill']) {
        const path = svg('path');
        setAttribute(path, 'class', className);
        setAttribute(path, 'd', `M${outline.map(({ x, y }) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')}Z`);
        path.style.setProperty('--colour', this.#options.categories.get(category)?.colour ?? '');
        if (className === 'area-fill') fills.push(path);
        else element.append(path);
      }
      points.push(...outline);
    }
    element.append(...fills);
    const box = boxOf(points);
    const outline = outlineOf(plan, area.firstRow, area.endRow);
    const middle = middleOf(seatsOf(plan, area));
    const texts = svg('g');
    setAttribute(texts, 'class', 'area-texts');
    setAttribute(texts, 'aria-hidden', 'true');
    const line = (className: string): SVGTextElement => {
      const text = svg('text');
      setAttribute(text, 'class', className);
      setAttribute(text, 'x', String(middle.x));
      texts.append(text);
      return text;
    };
    const [name, count, price, badge] = [line('area-name'), line('area-count'), line('area-price'), line('area-own')];
    return {
      element,
      texts,
      name,
      count,
      price,
      badge,
      outline,
      middle,
      halfSeat: pitch / 2,
      box: grown(box, pitch / 2),
      categories: categoriesOf(plan, area),
    };
  }

  /** Fits the drawing into the box, but leaves areas large enough to be pressed. */
  #fit(): void {
    const { clientWidth } = this.viewport;
    if (clientWidth === 0) return;
    const heightPx = Number.parseFloat(getComputedStyle(this.viewport).maxHeight) - 2;
    const { left, right, top, bottom } = this.#box;
    const fitting = Math.min(clientWidth / (right - left), heightPx / (bottom - top));
    const sizes = this.#shapes.map(({ box }) => Math.min(box.right - box.left, box.bottom - box.top));
    const needed = leastAreaPx / Math.min(...sizes);
    const scale = Math.max(fitting, Math.min(needed, fitting * mostGrowth));
    this.#pane.reset({ least: scale, most: scale * mostZoom }, scale);
    this.viewport.scrollLeft = ((this.#box.right - this.#box.left) * scale - clientWidth) / 2;
  }

  #scale(scale: number): void {
    this.#svg.style.width = `${Math.floor((this.#box.right - this.#box.left) * scale)}px`;
    this.#svg.style.height = `${Math.floor((this.#box.bottom - this.#box.top) * scale)}px`;
    this.#svg.style.setProperty('--unit', String(1 / scale));
    this.#label(scale);
    this.#options.onZoom();
  }

  #label(scale: number): void {
    const names = this.#options.areas.map(({ name }) => name);
    // All or none: "101" beside "Block 102" would look like another kind of area.
    const areFull = this.#shapes.every((shape, index) => fits(shape, names[index] ?? '', 0, scale));
    for (const [index, shape] of this.#shapes.entries()) {
      label(shape, areFull ? (names[index] ?? '') : shortName(names[index] ?? ''), scale);
    }
  }

  #listen(): void {
    const areaOf = (target: EventTarget | null) => {
      const area = target instanceof Element ? target.closest<SVGGElement>('[data-area]')?.dataset.area : undefined;
      return area === undefined ? undefined : Number(area);
    };
    this.#svg.addEventListener('click', ({ target }) => {
      const area = areaOf(target);
      if (area !== undefined) this.#options.onOpen(area);
    });
    this.#svg.addEventListener('focusin', ({ target }) => {
      const area = areaOf(target);
      if (area !== undefined) this.#moveTabStop(area);
      this.#options.onFocus(area);
    });
    this.#svg.addEventListener('pointerover', ({ target }) => this.#options.onFocus(areaOf(target)));
    this.#svg.addEventListener('pointerleave', () => this.#options.onFocus(undefined));
    this.#svg.addEventListener('keydown', (event) => {
      if (event.altKey || event.metaKey || event.ctrlKey) return;
      const area = areaOf(event.target);
      if (area === undefined) return;
      const next = this.#areaAfterKey(event.key, area);
      if (event.key === 'Enter' || event.key === ' ') this.#options.onOpen(area);
      else if (next !== undefined) this.focus(next);
      else return;
      event.preventDefault();
    });
  }

  #areaAfterKey(key: string, area: number): number | undefined {
    if (key === 'Home') return 0;
    if (key === 'End') return this.#shapes.length - 1;
    const middles = this.#shapes.map(({ middle }) => middle);
    return pointAfterKey(key, area, { x: middles.map(({ x }) => x), y: middles.map(({ y }) => y) });
  }

  #moveTabStop(area: number): void {
    const before = this.#shapes[this.#current]?.element;
    if (before) setAttribute(before, 'tabindex', '-1');
    this.#current = area;
    const now = this.#shapes[area]?.element;
    if (now) setAttribute(now, 'tabindex', '0');
  }
}

/** Whether a line of text at this distance below the middle is inside of the area. */
function fits({ outline, middle, halfSeat }: Shape, text: string, offsetPx: number, scale: number): boolean {
  const span = spanAt(outline, middle.y + offsetPx / scale);
  if (!span) return text === '' || outline.length < 3;
  const halfPx = (Math.min(middle.x - span.left, span.right - middle.x) + halfSeat) * scale;
  return text.length * fontPx * characterWidth <= 2 * halfPx;
}

/** As many lines as there is room for: the name, below it the free seats, below that the price. */
function label(shape: Shape, name: string, scale: number): void {
  const { box, middle, name: nameText, count, price, badge } = shape;
  setText(nameText, name);
  const all = [nameText, count, price];
  const offsetPx = (nth: number, of: number) => (nth - (of - 1) / 2) * linePx;
  const lines = [3, 2, 1].find((number) => {
    const isHighEnough = (box.bottom - box.top) * scale >= number * linePx;
    // A count has at most three figures.
    const texts = [name, '000', price.textContent].slice(0, number);
    return isHighEnough && texts.every((text, nth) => fits(shape, text, offsetPx(nth, number), scale));
  });
  for (const [nth, text] of all.entries()) {
    const isShown = nth < (lines ?? 0);
    setAttribute(text, 'display', isShown ? undefined : 'none');
    if (isShown) setAttribute(text, 'y', String(middle.y + offsetPx(nth, lines ?? 0) / scale));
  }
  setAttribute(badge, 'y', String(box.top + linePx / 2 / scale));
}

const seatsOf = (plan: SeatingPlan, { start, end }: Area): Point[] =>
  Array.from({ length: end - start }, (_, i) => ({ x: plan.x(start + i), y: plan.y(start + i) }));

/** Rows of an area that follow each other and have one category, or most of their seats in it. */
function bandsOf(plan: SeatingPlan, { firstRow, endRow }: Area) {
  const bands: { category: string; firstRow: number; endRow: number }[] = [];
  for (let row = firstRow; row < endRow; row++) {
    const category = usualCategory(plan, row);
    const last = bands.at(-1);
    if (last?.category === category) last.endRow = row + 1;
    else bands.push({ category, firstRow: row, endRow: row + 1 });
  }
  return bands;
}

function usualCategory(plan: SeatingPlan, row: number): string {
  const { start = 0, end = 0 } = plan.rows[row] ?? {};
  const counts = new Map<string, number>();
  for (let seat = start; seat < end; seat++) {
    const category = plan.category(seat);
    counts.set(category, (counts.get(category) ?? 0) + 1);
  }
  return [...counts].reduce((most, each) => (each[1] > most[1] ? each : most), ['', 0])[0];
}

/** "101" of "Block 101": its last word if that is a number. */
function shortName(name: string): string {
  return /\b[0-9]+[A-Za-z]?$/.exec(name)?.[0] ?? name;
}

function labelOf(name: string, { free, own, prices }: { free: number; own: number; prices: string }): string {
  const seats = free === 0 ? 'no free seats' : `${free} free ${free === 1 ? 'seat' : 'seats'}`;
  return [name, seats, prices, own > 0 && `${own} yours`].filter(Boolean).join(', ');
}

/** The stage around the focal point: as large as the seats in front of it allow. */
function stageBox(plan: SeatingPlan, areas: Box, pitch: number): Box {
  const { x, y } = plan.focalPoint;
  const nearest = plan.ids.reduce((least, _, index) => Math.min(least, plan.distanceToFocalPoint(index)), Infinity);
  const width = areas.right - areas.left;
  const halfHeight = Math.max(pitch, Math.min(width * 0.03, nearest - 2 * pitch));
  const halfWidth = Math.max(2 * pitch, width * 0.075);
  return { left: x - halfWidth, right: x + halfWidth, top: y - halfHeight, bottom: y + halfHeight };
}

function stageShape({ left, top, right, bottom }: Box): SVGElement {
  const group = svg('g');
  setAttribute(group, 'class', 'overview-stage');
  setAttribute(group, 'aria-hidden', 'true');
  const shape = svg('rect');
  const place = { x: left, y: top, width: right - left, height: bottom - top, rx: (bottom - top) / 3 };
  for (const [name, value] of Object.entries(place)) setAttribute(shape, name, String(value));
  const text = svg('text');
  setAttribute(text, 'x', String((left + right) / 2));
  setAttribute(text, 'y', String((top + bottom) / 2));
  setText(text, 'Stage');
  group.append(shape, text);
  return group;
}

const cornersOf = ({ left, top, right, bottom }: Box): Point[] => [
  { x: left, y: top },
  { x: right, y: bottom },
];

const grown = ({ left, top, right, bottom }: Box, by: number): Box => ({
  left: left - by,
  top: top - by,
  right: right + by,
  bottom: bottom + by,
});

const boxText = ({ left, top, right, bottom }: Box): string => `${left} ${top} ${right - left} ${bottom - top}`;

function svg<Name extends keyof SVGElementTagNameMap>(name: Name): SVGElementTagNameMap[Name] {
  return document.createElementNS('http://www.w3.org/2000/svg', name);
}
