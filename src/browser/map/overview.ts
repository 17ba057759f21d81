import type { SeatingPlan } from '../../shows/seating-plan.ts';
import { setAttribute, setText } from '../dom.ts';
import type { Area } from './areas.ts';
import { pointAfterKey } from './direction.ts';
import type { MapOptions } from './map-options.ts';
import { type Box, boxOf, outlineOf, type Point } from './outline.ts';
import { priceRange } from './seat-look.ts';
import { ZoomPane } from './zoom-pane.ts';

/** An area is at least as large on the screen, so that a finger meets it. */
const leastAreaPx = 26;
/** The drawing is at most so much larger than the box for this. */
const mostGrowth = 3;
const mostZoom = 6;
/** Mean width of a character, relative to the size of the font. */
const characterWidth = 0.58;
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
  name: SVGTextElement;
  count: SVGTextElement;
  price: SVGTextElement;
  badge: SVGTextElement;
  middle: Point;
  box: Box;
  prices: string;
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
    const stage = { x: plan.focalPoint.x, y: plan.focalPoint.y };
    this.#shapes = areas.map((area, index) => this.#shapeOf(area, index, pitch));
    const all = boxOf([...this.#shapes.flatMap(({ box }) => cornersOf(box)), ...stageCorners(stage, pitch)]);
    this.#box = grown(all, pitch);
    setAttribute(this.#svg, 'viewBox', boxText(this.#box));
    setAttribute(this.#svg, 'role', 'group');
    setAttribute(this.#svg, 'aria-label', 'Sections. Arrow keys move, Enter opens a section');
    this.#svg.append(stageShape(stage, pitch), ...this.#shapes.map(({ element }) => element));
    this.viewport.append(this.#svg);
    this.#pane = new ZoomPane({ viewport: this.viewport, gutterPx: 0, apply: (scale) => this.#scale(scale) });
    this.#listen();
    new ResizeObserver(() => this.#fit()).observe(this.viewport);
  }

  get pane(): ZoomPane {
    return this.#pane;
  }

  /** Range of prices in an area. */
  prices(area: number): string {
    return this.#shapes[area]?.prices ?? '';
  }

  focus(area = this.#current): void {
    this.#moveTabStop(area);
    this.#shapes[area]?.element.focus();
  }

  /** Writes the counts of these areas. */
  draw(areas: Iterable<number>): void {
    for (const index of areas) {
      const shape = this.#shapes[index];
      const area = this.#options.areas[index];
      if (!shape || !area) continue;
      const [free, own] = [this.#options.free(index), this.#options.own(index)];
      const size = area.end - area.start;
      setText(shape.count, free === 0 ? 'none' : String(free));
      setText(shape.badge, own > 0 ? `★ ${own}` : '');
      setAttribute(shape.element, 'class', free === 0 ? 'area full' : 'area');
      shape.element.style.setProperty('--free', (0.12 + 0.4 * Math.sqrt(free / size)).toFixed(2));
      setAttribute(shape.element, 'aria-label', labelOf(area.name, { free, own, prices: shape.prices }));
    }
  }

  #shapeOf(area: Area, index: number, pitch: number): Shape {
    const { plan } = this.#options;
    const element = svg('g');
    setAttribute(element, 'role', 'button');
    setAttribute(element, 'tabindex', index === 0 ? '0' : '-1');
    element.dataset.area = String(index);
    element.style.setProperty('--pitch', `${pitch * 1.25}px`);
    const points: Point[] = [];
    const categories = new Set<string>();
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
      categories.add(category);
    }
    element.append(...fills);
    const box = boxOf(points);
    const middle = { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
    const line = (className: string): SVGTextElement => {
      const text = svg('text');
      setAttribute(text, 'class', className);
      setAttribute(text, 'x', String(middle.x));
      element.append(text);
      return text;
    };
    const [name, count, price, badge] = [line('area-name'), line('area-count'), line('area-price'), line('area-own')];
    const prices = priceRange(categories, this.#options);
    setText(price, prices);
    return { element, name, count, price, badge, middle, box: grown(box, pitch / 2), prices };
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
    for (const [index, shape] of this.#shapes.entries()) this.#label(shape, index, scale);
    this.#options.onZoom();
  }

  /** As many lines as there is room for: the count first, then the name, then the price. */
  #label({ box, middle, name, count, price, badge }: Shape, index: number, scale: number): void {
    const widthPx = (box.right - box.left) * scale;
    const heightPx = (box.bottom - box.top) * scale;
    const fits = (text: string) => text.length * fontPx * characterWidth <= widthPx * 0.92;
    const full = this.#options.areas[index]?.name ?? '';
    const short = shortName(full);
    const lines = Math.max(1, Math.floor(heightPx / linePx));
    setText(name, fits(full) ? full : fits(short) ? short : '');
    const shown = [name.textContent !== '' && name, lines > 1 && count, lines > 2 && fits(price.textContent) && price];
    const texts = [name, count, price];
    for (const text of texts) setAttribute(text, 'display', shown.includes(text) ? undefined : 'none');
    const visible = texts.filter((text) => shown.includes(text));
    for (const [nth, text] of visible.entries()) {
      const offsetPx = (nth - (visible.length - 1) / 2) * linePx;
      setAttribute(text, 'y', String(middle.y + offsetPx / scale));
    }
    setAttribute(badge, 'y', String(box.top + linePx / 2 / scale));
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

/** Rows of an area that follow each other and have one category. */
function bandsOf(plan: SeatingPlan, { firstRow, endRow }: Area) {
  const bands: { category: string; firstRow: number; endRow: number }[] = [];
  for (let row = firstRow; row < endRow; row++) {
    const category = plan.category(plan.rows[row]?.start ?? 0);
    const last = bands.at(-1);
    if (last?.category === category) last.endRow = row + 1;
    else bands.push({ category, firstRow: row, endRow: row + 1 });
  }
  return bands;
}

/** "101" of "Block 101": its last word if that is a number. */
function shortName(name: string): string {
  return /\b[0-9]+[A-Za-z]?$/.exec(name)?.[0] ?? name;
}

function labelOf(name: string, { free, own, prices }: { free: number; own: number; prices: string }): string {
  const seats = free === 0 ? 'no free seats' : `${free} free ${free === 1 ? 'seat' : 'seats'}`;
  return [name, seats, prices, own > 0 && `${own} yours`].filter(Boolean).join(', ');
}

function stageShape({ x, y }: Point, pitch: number): SVGElement {
  const group = svg('g');
  setAttribute(group, 'class', 'overview-stage');
  setAttribute(group, 'aria-hidden', 'true');
  const shape = svg('rect');
  for (const [name, value] of Object.entries({
    x: x - 8 * pitch,
    y: y - 2 * pitch,
    width: 16 * pitch,
    height: 4 * pitch,
    rx: pitch,
  }))
    setAttribute(shape, name, String(value));
  const text = svg('text');
  setAttribute(text, 'x', String(x));
  setAttribute(text, 'y', String(y));
  setText(text, 'Stage');
  group.append(shape, text);
  return group;
}

const stageCorners = ({ x, y }: Point, pitch: number): Point[] =>
  cornersOf({ left: x - 8 * pitch, right: x + 8 * pitch, top: y - 2 * pitch, bottom: y + 2 * pitch });

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
