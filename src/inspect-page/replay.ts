import { element, setText } from '../browser/dom.ts';
import { clockTime } from './html.ts';
import type { SaleHistory } from './sale-history.ts';

/** Longest pause between two transitions, in real time: the replay shortens longer ones. */
const longestQuietMs = 3_000;

/** Replays the sale at a chosen speed, or step by step. */
export class Replay {
  readonly #bar = element('replay', HTMLElement);
  readonly #slider = element('slider', HTMLInputElement);
  readonly #play = element('play-btn', HTMLButtonElement);
  readonly #speed = element('speed', HTMLSelectElement);
  readonly #onMove: () => void;
  #history: SaleHistory | undefined;
  #moment = 0;
  /** In the time of the sale. It advances between two transitions, too, for the time left of holds. */
  #nowMs = 0;
  #frame: number | undefined;

  constructor(onMove: () => void) {
    this.#onMove = onMove;
    this.#slider.addEventListener('input', () => this.go(Number(this.#slider.value)));
    this.#play.addEventListener('click', () => this.toggle());
    element('back-btn', HTMLButtonElement).addEventListener('click', () => this.step(-1));
    element('forward-btn', HTMLButtonElement).addEventListener('click', () => this.step(1));
  }

  get history(): SaleHistory | undefined {
    return this.#history;
  }

  /** The number of transitions that have happened. */
  get moment(): number {
    return this.#moment;
  }

  /** Unix milliseconds in the sale. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Starts right after the transition `seq`, by default after the first. */
  open(history: SaleHistory, seq?: number): void {
    this.#history = history;
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
    this.go(this.#moment + by);
  }

  toggle(): void {
    if (this.#frame !== undefined) return void this.#pause();
    if (this.#moment >= (this.#history?.length ?? 0)) this.#moveTo(0);
    this.#play.textContent = 'Pause';
    let last = performance.now();
    const run = (at: number) => {
      this.#frame = requestAnimationFrame(run);
      this.#advance((at - last) * Number(this.#speed.value));
      last = at;
    };
    this.#frame = requestAnimationFrame(run);
  }

  #advance(byMs: number): void {
    const history = this.#history;
    if (!history || this.#moment >= history.length) return void this.#pause();
    const nextMs = history.atMs(this.#moment + 1);
    this.#nowMs = Math.max(this.#nowMs + byMs, nextMs - longestQuietMs * Number(this.#speed.value));
    let moment = this.#moment;
    while (moment < history.length && history.atMs(moment + 1) <= this.#nowMs) moment++;
    if (moment === this.#moment) this.#onMove();
    else this.#moveTo(moment, this.#nowMs);
  }

  #moveTo(moment: number, nowMs?: number): void {
    const history = this.#history;
    if (!history) return;
    this.#moment = Math.max(0, Math.min(history.length, moment));
    this.#nowMs = nowMs ?? history.atMs(this.#moment);
    this.#slider.value = String(this.#moment);
    this.#slider.ariaValueText = `${this.#moment} of ${history.length}`;
    setText(element('moment-time', HTMLElement), history.length > 0 ? clockTime(history.atMs(this.#moment)) : '–');
    const event = this.#moment > 0 ? history.events[this.#moment - 1] : undefined;
    const what = event ? `${event.seat_id} ${event.type}` : 'before the first transition';
    setText(element('moment-what', HTMLElement), `${this.#moment} of ${history.length} · ${what}`);
    this.#onMove();
  }

  #pause(): void {
    if (this.#frame !== undefined) cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    this.#play.textContent = 'Play';
  }
}
