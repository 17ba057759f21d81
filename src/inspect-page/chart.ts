import connectionSvg from '../../docs/machines/connection.svg';
import orderSvg from '../../docs/machines/order.svg';
import seatSvg from '../../docs/machines/seat.svg';
import { stateClass } from '../charts/chart-class.ts';
import { isObject } from '../process/is-object.ts';
import { ChartNotes } from './chart-notes.ts';
import { ChartView } from './chart-view.ts';

const svgNamespace = 'http://www.w3.org/2000/svg';
const charts: Record<string, string> = { seat: seatSvg, order: orderSvg, connection: connectionSvg };

/** A machine's chart: highlights the active states and the latest transition, shows descriptions, zooms and pans. */
export class Chart {
  readonly #root: HTMLElement;
  readonly #view: ChartView;
  readonly #notes: ChartNotes;
  #machineId = '';
  #shownValue = '';
  #fuse: SVGRectElement | undefined;
  #fuseWidth = 0;

  /** `note`: where descriptions appear. */
  constructor(root: HTMLElement, note: HTMLElement) {
    this.#root = root;
    this.#view = new ChartView(root);
    this.#notes = new ChartNotes(root, note, (state) => this.#view.reveal(state));
  }

  /** `value`: of the snapshot. `isFollowing`: keeps the active state in view. */
  show(machineId: string, value: unknown, isFollowing: boolean): void {
    const isNew = machineId !== this.#machineId;
    if (isNew) this.#load(machineId);
    const shownValue = JSON.stringify(value) ?? '';
    if (!isNew && shownValue === this.#shownValue) return;
    this.#shownValue = shownValue;
    const ids = activeIds(machineId, value);
    const active = new Set(ids.map(stateClass));
    for (const state of this.#root.querySelectorAll('.state')) {
      state.classList.toggle(
        'active',
        [...state.classList].some((name) => active.has(name)),
      );
    }
    const innermost = value === undefined ? undefined : this.#root.querySelector(`.${stateClass(ids.at(-1) ?? '')}`);
    this.#notes.setActive(innermost ?? undefined);
    if (innermost && (isNew || isFollowing)) this.#view.reveal(innermost);
  }

  /** Highlights transitions, which then fade. The latest of each region stays marked. */
  take(classes: readonly string[]): void {
    for (const name of classes) {
      const arrows = this.#root.querySelectorAll(`.${CSS.escape(name)}`);
      for (const marked of this.#root.querySelectorAll('.last')) {
        if (this.#regionOf(marked.classList.item(1) ?? '') === this.#regionOf(name)) marked.classList.remove('last');
      }
      for (const arrow of arrows) {
        arrow.classList.remove('taken');
        void arrow.getBoundingClientRect(); // forces layout, which restarts the animation
        arrow.classList.add('taken', 'last');
      }
    }
  }

  forgetTransitions(): void {
    for (const arrow of this.#root.querySelectorAll('.taken, .last')) arrow.classList.remove('taken', 'last');
  }

  /** The part of the time of `held` that is left, 1 to 0. */
  burn(share: number): void {
    this.#fuse?.setAttribute('width', String(Math.max(0, Math.min(1, share)) * this.#fuseWidth));
  }

  #load(machineId: string): void {
    this.#machineId = machineId;
    // The page has its own colours.
    const text = (charts[machineId] ?? '').replace(/<style>.*?<\/style>/s, '');
    const parsed = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    const svg: Element = document.adoptNode(parsed);
    if (!(svg instanceof SVGSVGElement)) throw new TypeError(`There is no chart of ${machineId}`);
    // An image may not contain elements that take the focus.
    svg.setAttribute('role', 'group');
    this.#root.replaceChildren(svg);
    this.#addFuse();
    this.#notes.load(svg);
    this.#view.load(svg);
  }

  #addFuse(): void {
    const box = this.#root.querySelector(`.${stateClass('seat.held')} .box`);
    if (!box) {
      this.#fuse = undefined;
      return;
    }
    const number = (name: string) => Number(box.getAttribute(name));
    const inset = 9;
    this.#fuseWidth = number('width') - 2 * inset;
    this.#fuse = document.createElementNS(svgNamespace, 'rect');
    this.#fuse.classList.add('fuse');
    this.#fuse.setAttribute('x', String(number('x') + inset));
    this.#fuse.setAttribute('y', String(number('y') + number('height') - 7));
    this.#fuse.setAttribute('height', '3');
    this.#fuse.setAttribute('rx', '1.5');
    box.after(this.#fuse);
  }

  /** The parallel region that contains the source of a transition. */
  #regionOf(transitionClass: string): string {
    const path = transitionClass.replace(/^on-/, 'state-');
    for (const region of this.#root.querySelectorAll('.region')) {
      const name = [...region.classList].find((each) => each.startsWith('state-'));
      if (name && path.startsWith(`${name}_`)) return name;
    }
    return '';
  }
}

/** The ids of all active states: `{live: 'idle'}` → connection, connection.live, connection.live.idle. */
function activeIds(id: string, value: unknown): string[] {
  if (typeof value === 'string') return [id, `${id}.${value}`];
  const children = isObject(value) ? Object.entries(value) : [];
  return [id, ...children.flatMap(([key, child]) => activeIds(`${id}.${key}`, child))];
}
