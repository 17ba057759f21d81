import { element, setText } from '../browser/dom.ts';
import { clockTime } from './html.ts';
import { ReplayTime } from './replay-time.ts';
import type { SaleHistory } from './sale-history.ts';

/** Replays the sale at a chosen speed, or step by step. */
export class Replay {
  readonly #bar = element('replay', HTMLElement);
  readonly #slider = element('slider', HTMLInputElement);
  readonly #play = element('play-btn', HTMLButtonElement);
  readonly #speed = element('speed', HTMLSelectElement);
  readonly #onMove: () => void;
  #history: SaleHistory | undefined;
  #time: ReplayTime | undefined;
  #frame: number | undefined;

  constructor(onMove: () => void) {
    this.#onMove = onMove;
    this.#slider.addEventListener('input', () => this.go(Number(this.#slider.value)));
    this.#play.addEventListener('click', () => this.toggle());
    element('back-btn', HTMLButtonElement).addEventListener('click', () => this.step(-1));
    element('forward-btn', HTMLButtonElement).addEventListener('click', () => this.step(1));
  }

  /** The number of transitions that have happened. */
  get moment(): number {
    return this.#time?.moment ?? 0;
  }

  /** Unix milliseconds in the sale. */
  get nowMs(): number {
    return this.#time?.nowMs ?? 0;
  }

  /** Starts right after the transition `seq`, by default after the first. */
  open(history: SaleHistory, seq?: number): void {
    this.#history = history;
    this.#time = new ReplayTime(history);
    this.#slider.max = String(history.length);
    this.#bar.hidden = false;
    this.go(seq === undefined ? 1 : history.momentOf(seq));
  }

  close(): void {
    this.#pause();
    this.#bar.hidden = true;
  }

  go(moment: number): void {
    this.#pause();
    this.#moveTo(moment);
  }

  step(by: 1 | -1): void {
    this.go(this.moment + by);
  }

  toggle(): void {
    if (this.#frame !== undefined) return void this.#pause();
    if (this.#time?.isAtEnd) this.#moveTo(0);
    this.#play.textContent = 'Pause';
    let last = performance.now();
    const run = (at: number) => {
      this.#frame = requestAnimationFrame(run);
      this.#advance(at - last);
      last = at;
    };
    this.#frame = requestAnimationFrame(run);
  }

  #advance(realMs: number): void {
    if (!this.#time || this.#time.isAtEnd) return void this.#pause();
    const before = this.moment;
    this.#time.advance(realMs, Number(this.#speed.value));
    if (this.moment === before) this.#onMove();
    else this.#show();
  }

  #moveTo(moment: number): void {
    this.#time?.moveTo(moment);
    this.#show();
  }

  #show(): void {
    const history = this.#history;
    if (!history) return;
    const { moment } = this;
    this.#slider.value = String(moment);
    this.#slider.ariaValueText = `${moment} of ${history.length}`;
    setText(element('moment-time', HTMLElement), history.length > 0 ? clockTime(history.atMs(moment)) : '–');
    const event = moment > 0 ? history.events[moment - 1] : undefined;
    const what = event ? `${event.seat_id} ${event.type}` : 'before the first transition';
    setText(element('moment-what', HTMLElement), `${moment} of ${history.length} · ${what}`);
    this.#onMove();
  }

  #pause(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    this.#play.textContent = 'Play';
  }
}
