import type { SeatFlag } from '../../shows/plan-document.ts';
import { setAttribute, setText } from '../dom.ts';
import type { MapOptions } from './map-options.ts';
import type { SeatFilter } from './seat-filter.ts';
import { priceRange } from './seat-look.ts';

interface Toggle {
  button: HTMLButtonElement;
  isPressed: boolean;
}

/** The categories with their colours and prices, which is the legend as well; a press shows only these seats. */
export class FilterBar {
  readonly root = document.createElement('div');
  readonly #categories = new Map<string, Toggle>();
  readonly #accessible: Toggle | undefined;
  readonly #fullView: Toggle | undefined;
  readonly #prices = new Map<string, HTMLElement>();
  readonly #options: MapOptions;
  readonly #onChange: (filter: SeatFilter) => void;

  constructor(options: MapOptions, onChange: (filter: SeatFilter) => void) {
    const { plan, categories } = options;
    this.#options = options;
    this.#onChange = onChange;
    this.root.className = 'map-filters';
    this.root.setAttribute('role', 'group');
    this.root.setAttribute('aria-label', 'Show only');
    for (const name of plan.categories.length > 1 ? plan.categories : []) {
      const { colour = '', prices } = categories.get(name) ?? {};
      const toggle = this.#toggle(name);
      if (prices?.size) {
        const price = document.createElement('strong');
        toggle.button.append(' ', price);
        this.#prices.set(name, price);
      }
      const dot = document.createElement('span');
      dot.className = 'category-dot';
      dot.setAttribute('aria-hidden', 'true');
      dot.style.setProperty('--colour', colour);
      toggle.button.prepend(dot);
      this.#categories.set(name, toggle);
    }
    const has = (flag: SeatFlag) => plan.ids.some((_, index) => plan.has(index, flag));
    this.#accessible = has('accessible') ? this.#toggle('Wheelchair spaces') : undefined;
    this.#fullView = has('restricted-view') ? this.#toggle('Full view') : undefined;
    this.root.hidden = this.root.childElementCount === 0;
    this.renderPrices();
  }

  renderPrices(): void {
    const { formatShortPrice } = this.#options;
    for (const [name, price] of this.#prices) setText(price, priceRange([name], this.#options, formatShortPrice));
  }

  get filter(): SeatFilter {
    const categories = new Set([...this.#categories].filter(([, { isPressed }]) => isPressed).map(([name]) => name));
    const isOn = (toggle: Toggle | undefined) => toggle?.isPressed ?? false;
    return { categories, accessibleOnly: isOn(this.#accessible), fullViewOnly: isOn(this.#fullView) };
  }

  #toggle(name: string): Toggle {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'filter';
    button.setAttribute('aria-pressed', 'false');
    const label = document.createElement('span');
    label.textContent = name;
    button.append(label);
    const toggle = { button, isPressed: false };
    button.addEventListener('click', () => {
      toggle.isPressed = !toggle.isPressed;
      setAttribute(button, 'aria-pressed', String(toggle.isPressed));
      this.#onChange(this.filter);
    });
    this.root.append(button);
    return toggle;
  }
}
