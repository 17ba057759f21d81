import { element } from '../browser/dom.ts';

const names = ['sequence', 'events', 'history'] as const;

export type PanelName = (typeof names)[number];

/** The tabs beside the chart, one of which is shown. */
export class Panels {
  readonly #onShow: (name: PanelName) => void;
  #shown: PanelName = 'sequence';

  constructor(onShow: (name: PanelName) => void) {
    this.#onShow = onShow;
    for (const [index, name] of names.entries()) {
      element(name, HTMLElement).tabIndex = 0; // for scrolling by keyboard
      const tab = element(`tab-${name}`, HTMLElement);
      tab.addEventListener('click', () => this.#show(name));
      tab.addEventListener('keydown', ({ key }) => {
        if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
        const next = names.at((index + (key === 'ArrowRight' ? 1 : -1)) % names.length);
        if (!next) return;
        this.#show(next);
        element(`tab-${next}`, HTMLElement).focus();
      });
    }
  }

  get shown(): PanelName {
    return this.#shown;
  }

  get root(): HTMLElement {
    return element(this.#shown, HTMLElement);
  }

  #show(shown: PanelName): void {
    this.#shown = shown;
    for (const name of names) {
      element(name, HTMLElement).hidden = name !== shown;
      const tab = element(`tab-${name}`, HTMLElement);
      tab.ariaSelected = String(name === shown);
      tab.tabIndex = name === shown ? 0 : -1;
    }
    this.#onShow(shown);
  }
}
