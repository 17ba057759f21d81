import connectionSvg from '../../docs/machines/connection.svg';
import seatSvg from '../../docs/machines/seat.svg';
import { stateClass } from '../charts/chart-class.ts';

const svgNamespace = 'http://www.w3.org/2000/svg';
const charts: Record<string, string> = { seat: seatSvg, connection: connectionSvg };

/** A machine's chart with its active states lit, and the transition just taken. */
export class Chart {
  readonly #root: HTMLElement;
  #machineId = '';
  #fuse: SVGRectElement | undefined;
  #fuseWidth = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** `value`: of the snapshot. */
  show(machineId: string, value: unknown): void {
    if (machineId !== this.#machineId) this.#load(machineId);
    const active = new Set(activeIds(machineId, value).map(stateClass));
    for (const state of this.#root.querySelectorAll('.state')) {
      state.classList.toggle(
        'active',
        [...state.classList].some((name) => active.has(name)),
      );
    }
  }

  /** Lights the transitions, which fade; the last one of each region stays marked. */
  take(classes: readonly string[]): void {
    for (const name of classes) {
      const arrows = this.#root.querySelectorAll(`.${CSS.escape(name)}`);
      for (const marked of this.#root.querySelectorAll('.last')) {
        if (this.#regionOf(marked.classList.item(1) ?? '') === this.#regionOf(name)) marked.classList.remove('last');
      }
      for (const arrow of arrows) {
        arrow.classList.remove('taken');
        void arrow.getBoundingClientRect(); // so that the animation begins anew
        arrow.classList.add('taken', 'last');
      }
    }
  }

  forgetTransitions(): void {
    for (const arrow of this.#root.querySelectorAll('.taken, .last')) arrow.classList.remove('taken', 'last');
  }

  /** How much of the time of `held` is left, 1 to 0. */
  burn(share: number): void {
    this.#fuse?.setAttribute('width', String(Math.max(0, Math.min(1, share)) * this.#fuseWidth));
  }

  #load(machineId: string): void {
    this.#machineId = machineId;
    // The page has colours of its own.
    const text = (charts[machineId] ?? '').replace(/<style>.*?<\/style>/s, '');
    const svg = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    this.#root.replaceChildren(document.adoptNode(svg));
    this.#addFuse();
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

  /** Which of the parallel regions a transition's class belongs to. */
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
  const children = Object.entries((value ?? {}) as Record<string, unknown>);
  return [id, ...children.flatMap(([key, child]) => activeIds(`${id}.${key}`, child))];
}
