import { setAttribute, setDisabled, setText } from '../dom.ts';

export interface MapToolbarOptions {
  onBack: () => void;
  onZoom: (direction: 1 | -1) => void;
  onList: (isList: boolean) => void;
}

interface ShownToolbar {
  title: string;
  canGoBack: boolean;
  isList: boolean;
  /** undefined: there is nothing to zoom. */
  zoom: { canGrow: boolean; canShrink: boolean } | undefined;
}

/** The buttons of the map: back to all sections, map or list, zoom. */
export class MapToolbar {
  readonly root = document.createElement('div');
  readonly #back = toolButton('map-back', '←', 'All sections');
  readonly #title = document.createElement('p');
  readonly #smaller = toolButton('map-zoom', '−', 'Zoom out');
  readonly #larger = toolButton('map-zoom', '+', 'Zoom in');
  readonly #map = toolButton('map-switch', 'Map');
  readonly #list = toolButton('map-switch', 'List');

  constructor({ onBack, onZoom, onList }: MapToolbarOptions) {
    this.root.className = 'map-toolbar';
    this.root.setAttribute('role', 'group');
    this.root.setAttribute('aria-label', 'View');
    this.#title.className = 'map-title';
    const views = document.createElement('div');
    views.className = 'map-views';
    views.append(this.#map, this.#list);
    this.root.append(this.#back, this.#title, this.#smaller, this.#larger, views);
    this.#back.addEventListener('click', onBack);
    this.#smaller.addEventListener('click', () => onZoom(-1));
    this.#larger.addEventListener('click', () => onZoom(1));
    this.#map.addEventListener('click', () => onList(false));
    this.#list.addEventListener('click', () => onList(true));
  }

  render({ title, canGoBack, isList, zoom }: ShownToolbar): void {
    setText(this.#title, title);
    this.#back.hidden = !canGoBack;
    for (const button of [this.#smaller, this.#larger]) button.hidden = zoom === undefined;
    setDisabled(this.#smaller, zoom?.canShrink === false);
    setDisabled(this.#larger, zoom?.canGrow === false);
    setAttribute(this.#map, 'aria-pressed', String(!isList));
    setAttribute(this.#list, 'aria-pressed', String(isList));
  }
}

function toolButton(className: string, text: string, label?: string): HTMLButtonElement {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = className;
  button.textContent = text;
  if (label) button.setAttribute('aria-label', label);
  return button;
}
