import { oncePerAnimationFrame } from '../once-per-animation-frame.ts';

const buttonFactor = 1.4;
const wheelFactor = 1.002;
/** Less is only the border of the drawing. */
const cutOffPx = 6;
/** A shorter movement of the mouse is a click. */
const dragFromPx = 4;

export interface ZoomPaneOptions {
  /** The box that scrolls. */
  viewport: HTMLElement;
  /** The content that scrolls in it. */
  content: Element;
  /** Sizes the content for a scale, in pixels per unit of the drawing. */
  apply: (scale: number) => void;
  /** Space left of the drawing that does not scale. */
  gutterPx: number;
}

interface Limits {
  least: number;
  most: number;
}

/**
 * A drawing that zooms around a point and scrolls: by wheel with Ctrl, pinch, keys and buttons; by wheel, finger and mouse. The
 * browser's own scrolling moves it, so that it moves as anything else does on the device.
 */
export class ZoomPane {
  readonly #options: ZoomPaneOptions;
  readonly #markEdgesLater = oncePerAnimationFrame(() => this.#markEdges());
  #limits: Limits = { least: 1, most: 1 };
  #scale = 1;

  constructor(options: ZoomPaneOptions) {
    this.#options = options;
    const { viewport } = options;
    // Trackpads send a pinch as a wheel with Ctrl.
    viewport.addEventListener('wheel', (event) => this.#onWheel(event), { passive: false });
    this.#followPinch(viewport);
    viewport.addEventListener('scroll', () => this.#markEdgesLater(), { passive: true });
    new ResizeObserver(() => this.#markEdgesLater()).observe(viewport);
    followDrag(viewport);
  }

  get scale(): number {
    return this.#scale;
  }

  get canGrow(): boolean {
    return this.#scale < this.#limits.most * 0.999;
  }

  get canShrink(): boolean {
    return this.#scale > this.#limits.least * 1.001;
  }

  /** Another drawing, or another size of the box. */
  reset(limits: Limits, scale: number): void {
    this.#limits = limits;
    this.#set(scale);
  }

  /** Zooms around the middle. */
  step(direction: 1 | -1): void {
    const { clientWidth, clientHeight } = this.#options.viewport;
    this.#zoom(this.#scale * buttonFactor ** direction, clientWidth / 2, clientHeight / 2);
  }

  /** Scrolls until a point of the drawing is in the middle, as far as possible. */
  centre(x: number, y: number): void {
    const { viewport, gutterPx } = this.#options;
    viewport.scrollLeft = gutterPx + x * this.#scale - viewport.clientWidth / 2;
    viewport.scrollTop = y * this.#scale - viewport.clientHeight / 2;
  }

  /** Zooms, and keeps the content at this point of the box in place. */
  #zoom(scale: number, atX: number, atY: number): void {
    const { viewport } = this.#options;
    const before = this.#origin();
    const [x, y] = [(atX - before.x) / this.#scale, (atY - before.y) / this.#scale];
    this.#set(scale);
    const after = this.#origin();
    viewport.scrollLeft += after.x + x * this.#scale - atX;
    viewport.scrollTop += after.y + y * this.#scale - atY;
  }

  /** Where the drawing begins in the box: a narrow one is in the middle. */
  #origin(): { x: number; y: number } {
    const { viewport, content, gutterPx } = this.#options;
    const [box, drawing] = [viewport.getBoundingClientRect(), content.getBoundingClientRect()];
    return { x: drawing.left - box.left + gutterPx, y: drawing.top - box.top };
  }

  #set(scale: number): void {
    this.#scale = Math.min(this.#limits.most, Math.max(this.#limits.least, scale));
    this.#options.apply(this.#scale);
    this.#markEdgesLater();
  }

  /** Classes of the box say on which sides the drawing goes on. */
  #markEdges(): void {
    const { viewport } = this.#options;
    const { scrollLeft, scrollTop, clientWidth, clientHeight, scrollWidth, scrollHeight, classList } = viewport;
    classList.toggle('more-left', scrollLeft > cutOffPx);
    classList.toggle('more-right', scrollWidth - clientWidth - scrollLeft > cutOffPx);
    classList.toggle('more-above', scrollTop > cutOffPx);
    classList.toggle('more-below', scrollHeight - clientHeight - scrollTop > cutOffPx);
  }

  #onWheel(event: WheelEvent): void {
    if (!event.ctrlKey) return;
    event.preventDefault(); // else the browser would zoom the whole page
    const { left, top } = this.#options.viewport.getBoundingClientRect();
    this.#zoom(this.#scale * wheelFactor ** -event.deltaY, event.clientX - left, event.clientY - top);
  }

  #followPinch(viewport: HTMLElement): void {
    let fromScale = 1;
    let fromPx: number | undefined;
    viewport.addEventListener(
      'touchmove',
      (event) => {
        const [one, two] = event.touches;
        if (!one || !two) return;
        event.preventDefault();
        const px = Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
        if (fromPx === undefined) [fromPx, fromScale] = [px, this.#scale];
        const { left, top } = viewport.getBoundingClientRect();
        const [x, y] = [(one.clientX + two.clientX) / 2 - left, (one.clientY + two.clientY) / 2 - top];
        this.#zoom((fromScale * px) / fromPx, x, y);
      },
      { passive: false },
    );
    const end = () => {
      fromPx = undefined;
    };
    for (const type of ['touchstart', 'touchend', 'touchcancel']) viewport.addEventListener(type, end);
  }
}

/** Moves the content with the mouse. Fingers do it without help. */
function followDrag(viewport: HTMLElement): void {
  let from: { x: number; y: number; left: number; top: number } | undefined;
  let wasDragged = false;
  viewport.addEventListener('pointerdown', ({ pointerType, button, clientX, clientY }) => {
    wasDragged = false;
    if (pointerType !== 'mouse' || button !== 0) return;
    from = { x: clientX, y: clientY, left: viewport.scrollLeft, top: viewport.scrollTop };
  });
  window.addEventListener('pointermove', ({ clientX, clientY, buttons }) => {
    if (!from || buttons === 0) return;
    if (!wasDragged && Math.hypot(clientX - from.x, clientY - from.y) < dragFromPx) return;
    wasDragged = true;
    viewport.scrollLeft = from.left + from.x - clientX;
    viewport.scrollTop = from.top + from.y - clientY;
  });
  window.addEventListener('pointerup', () => {
    from = undefined;
  });
  // The end of a drag is no click on what happens to be there.
  viewport.addEventListener(
    'click',
    (event) => {
      if (wasDragged) event.stopPropagation();
      wasDragged = false;
    },
    { capture: true },
  );
}
