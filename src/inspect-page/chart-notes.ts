import { html } from './html.ts';

interface Note {
  name: string;
  description: string;
}

/** Shows the description of the state or transition under the pointer or with the focus, otherwise of the active state. */
export class ChartNotes {
  readonly #root: HTMLElement;
  readonly #reveal: (state: Element) => void;
  #notes = new Map<Element, Note>();
  #states: SVGElement[] = [];
  #pointed: Element | undefined;
  #focused: Element | undefined;
  #active: Element | undefined;

  /** `reveal`: makes a state that gets the focus visible. */
  constructor(frame: HTMLElement, root: HTMLElement, reveal: (state: Element) => void) {
    this.#root = root;
    this.#reveal = reveal;
    frame.addEventListener('pointerover', ({ target }) => {
      this.#pointed = this.#described(target);
      this.#render();
    });
    frame.addEventListener('pointerleave', () => {
      this.#pointed = undefined;
      this.#render();
    });
    frame.addEventListener('focusin', ({ target }) => {
      this.#focused = this.#described(target);
      this.#pointed = undefined;
      this.#setTabStop(this.#focused);
      if (this.#focused) this.#reveal(this.#focused);
      this.#render();
    });
    frame.addEventListener('focusout', () => {
      this.#focused = undefined;
      this.#render();
    });
    frame.addEventListener('keydown', (event) => this.#onKey(event));
  }

  /** Takes the descriptions out of the chart, whose `title` elements only a pointer could read. */
  load(svg: SVGSVGElement): void {
    this.#notes = new Map();
    this.#pointed = this.#focused = this.#active = undefined;
    for (const title of svg.querySelectorAll('title')) {
      const described = title.parentElement;
      if (!described) continue;
      const description = title.textContent;
      title.remove();
      const lines = [...described.querySelectorAll(':scope > .name, :scope > tspan')];
      this.#notes.set(described, { name: lines.map(({ textContent }) => textContent).join(' '), description });
    }
    this.#states = [...svg.querySelectorAll<SVGElement>('.state')];
    for (const state of this.#states) {
      const { name, description } = this.#notes.get(state) ?? { name: '', description: '' };
      state.setAttribute('role', 'img');
      state.setAttribute('aria-label', `${name}: ${description}`);
    }
    this.#setTabStop(this.#states[0]);
    this.#render();
  }

  /** `active`: the innermost active state. */
  setActive(active: Element | undefined): void {
    if (active === this.#active) return;
    this.#active = active;
    for (const state of this.#states) {
      state.ariaCurrent = state.classList.contains('active') ? 'true' : null;
    }
    if (!this.#focused) this.#setTabStop(active ?? this.#states[0]);
    this.#render();
  }

  #described(target: EventTarget | null): Element | undefined {
    let found = target instanceof Element ? target : null;
    while (found && !this.#notes.has(found)) found = found.parentElement;
    return found ?? undefined;
  }

  /** Arrow keys go from state to state: the chart is one tab stop. */
  #onKey(event: KeyboardEvent): void {
    const { key, shiftKey, ctrlKey, metaKey, altKey } = event;
    const from = this.#focused instanceof SVGElement ? this.#states.indexOf(this.#focused) : -1;
    if (from < 0 || shiftKey || ctrlKey || metaKey || altKey) return;
    const last = this.#states.length - 1;
    const targets: Record<string, number> = {
      ...{ ArrowDown: from + 1, ArrowRight: from + 1, ArrowUp: from - 1, ArrowLeft: from - 1, Home: 0, End: last },
    };
    const to = targets[key];
    if (to === undefined) return;
    event.preventDefault();
    this.#states[Math.max(0, Math.min(last, to))]?.focus({ preventScroll: true });
  }

  #setTabStop(stop: Element | undefined): void {
    for (const state of this.#states) state.tabIndex = state === stop ? 0 : -1;
  }

  #render(): void {
    const shown = this.#pointed ?? this.#focused ?? this.#active;
    const { name, description } = (shown && this.#notes.get(shown)) ?? { name: '', description: '' };
    if (this.#root.textContent === `${name} ${description}`) return;
    this.#root.replaceChildren(html('b', '', name), ` ${description}`);
  }
}
