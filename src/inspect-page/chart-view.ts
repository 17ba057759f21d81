import { element, setText } from '../browser/dom.ts';

/** CSS pixels per unit of the chart. At the smallest of `readable`, its notes have 9 px. */
const readable = { min: 0.8, max: 1.4 };
const maxScale = 4;
const zoomStep = 1.25;
const panPx = 120;

const keyDirections: Record<string, [x: number, y: number]> = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** Zooms and pans a chart. The frame scrolls, so touch, wheel and scroll bars work as everywhere; zoom resizes the SVG. */
export class ChartView {
  readonly #frame: HTMLElement;
  readonly #fitButton = element('zoom-fit-btn', HTMLButtonElement);
  #svg: SVGElement | undefined;
  #size = { width: 1, height: 1 };
  #scale = 1;
  /** True until the user zooms: the scale then follows the size of the frame. */
  #isAutomatic = true;

  constructor(frame: HTMLElement) {
    this.#frame = frame;
    element('zoom-in-btn', HTMLButtonElement).addEventListener('click', () => this.#zoomBy(zoomStep));
    element('zoom-out-btn', HTMLButtonElement).addEventListener('click', () => this.#zoomBy(1 / zoomStep));
    this.#fitButton.addEventListener('click', () => this.#zoomTo(this.#fitScale()));
    frame.addEventListener('keydown', (event) => this.#onKey(event));
    frame.addEventListener(
      'wheel',
      (event) => {
        // A pinch on a touchpad arrives as a wheel with Ctrl.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.#zoomBy(zoomStep ** (-event.deltaY / 50), event);
      },
      { passive: false },
    );
    frame.addEventListener('pointermove', ({ pointerType, buttons, movementX, movementY }) => {
      if (pointerType === 'mouse' && buttons === 1) frame.scrollBy(-movementX, -movementY);
    });
    new ResizeObserver(() => {
      if (this.#isAutomatic) this.#resize(this.#automaticScale());
    }).observe(frame);
  }

  load(svg: SVGSVGElement): void {
    this.#svg = svg;
    const { width, height } = svg.viewBox.baseVal;
    this.#size = { width, height };
    this.#isAutomatic = true;
    this.#resize(this.#automaticScale());
  }

  /** Scrolls the frame, not the page, so that an element of the chart is visible. */
  reveal(target: Element): void {
    const frame = this.#frame.getBoundingClientRect();
    const box = target.getBoundingClientRect();
    const isVisible =
      box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;
    if (isVisible) return;
    this.#frame.scrollBy(centre(box).x - centre(frame).x, centre(box).y - centre(frame).y);
  }

  #onKey(event: KeyboardEvent): void {
    const direction = keyDirections[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=') this.#zoomBy(zoomStep);
    else if (event.key === '-') this.#zoomBy(1 / zoomStep);
    else if (event.key === '0') this.#zoomTo(this.#fitScale());
    else if (direction && event.shiftKey) this.#frame.scrollBy(direction[0] * panPx, direction[1] * panPx);
    else return;
    event.preventDefault();
  }

  #zoomBy(factor: number, at?: { clientX: number; clientY: number }): void {
    this.#zoomTo(this.#scale * factor, at);
  }

  /** The point `at`, or the centre of the frame, stays where it is. */
  #zoomTo(wanted: number, at?: { clientX: number; clientY: number }): void {
    const smallest = Math.min(this.#fitScale(), readable.min);
    const scale = Math.min(maxScale, Math.max(smallest, wanted));
    const frame = this.#frame;
    const box = frame.getBoundingClientRect();
    const x = at ? at.clientX - box.left : box.width / 2;
    const y = at ? at.clientY - box.top : box.height / 2;
    const factor = scale / this.#scale;
    const [left, top] = [(frame.scrollLeft + x) * factor - x, (frame.scrollTop + y) * factor - y];
    this.#isAutomatic = false;
    this.#resize(scale);
    frame.scrollTo(left, top);
  }

  #resize(scale: number): void {
    if (!this.#svg) return;
    this.#scale = scale;
    this.#svg.style.width = `${this.#size.width * scale}px`;
    this.#svg.style.height = `${this.#size.height * scale}px`;
    setText(element('zoom', HTMLElement), `${Math.round(scale * 100)} %`);
  }

  /** Shows the whole chart. */
  #fitScale(): number {
    const { clientWidth, clientHeight } = this.#frame;
    return Math.min(clientWidth / this.#size.width, clientHeight / this.#size.height, maxScale);
  }

  #automaticScale(): number {
    return Math.min(readable.max, Math.max(readable.min, this.#fitScale()));
  }
}

const centre = ({ left, top, width, height }: DOMRect) => ({ x: left + width / 2, y: top + height / 2 });
