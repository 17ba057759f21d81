import { element, setText } from '../browser/dom.ts';
import { oncePerAnimationFrame } from '../browser/once-per-animation-frame.ts';
import type { ServerClock } from '../browser/server-clock.ts';
import { isObject } from '../process/is-object.ts';
import type { SeatingPlan } from '../shows/seating-plan.ts';
import { isOrder, seatIdOf } from './address.ts';
import { Chart } from './chart.ts';
import { html } from './html.ts';
import { type ShownMachine, seatOf } from './machine.ts';
import type { PageShow } from './page-show.ts';
import { transitionInto } from './past-machine.ts';
import type { SaleHistory } from './sale-history.ts';

export interface StageView {
  id: string;
  machine: ShownMachine | undefined;
  /** True before all machines are known. */
  isReading: boolean;
  isFollowing: boolean;
  /** In a replay. */
  past: { history: SaleHistory; moment: number; nowMs: number } | undefined;
}

/** The chosen machine: its state, chart, time left and context. */
export class Stage {
  readonly #chart = new Chart(element('chart', HTMLElement), element('chart-note', HTMLElement));
  readonly #show: PageShow;
  readonly #plan: SeatingPlan;
  readonly #clock: ServerClock;
  /** Only the time left changes in every frame, not the whole page. */
  readonly #requestTimeLeft = oncePerAnimationFrame(() => this.#renderTimeLeft());
  #view: StageView | undefined;
  /** The machine and moment whose transition the chart highlights in a replay. */
  #pastShown = '';

  constructor(show: PageShow, plan: SeatingPlan, clock: ServerClock) {
    this.#show = show;
    this.#plan = plan;
    this.#clock = clock;
  }

  take(classes: readonly string[]): void {
    this.#chart.take(classes);
  }

  forgetTransitions(): void {
    this.#chart.forgetTransitions();
    this.#pastShown = '';
  }

  render(view: StageView): void {
    this.#view = view;
    const { id, machine, isReading, isFollowing, past } = view;
    const seatId = seatIdOf(id);
    setText(element('machine-name', HTMLElement), seatId ?? id);
    const index = seatId === undefined ? undefined : this.#plan.indexOf(seatId);
    setText(element('machine-place', HTMLElement), index === undefined ? '' : this.#plan.describe(index));
    const pill = element('machine-state', HTMLElement);
    const state = machine ? stateText(machine.value) : isReading ? 'reading' : 'unknown';
    setText(pill, state);
    pill.className = `pill ${state.split('.')[0]}`;
    const decision = element('decision', HTMLElement);
    decision.hidden = seatId === undefined || machine === undefined;
    setText(decision, machine?.isRequesting ? 'calling Redis' : 'decision idle');
    decision.classList.toggle('requesting', machine?.isRequesting ?? false);
    const unknown = element('unknown', HTMLElement);
    unknown.hidden = machine !== undefined || isReading;
    setText(unknown, unknown.hidden ? '' : unknownText(id, this.#show));
    this.#chart.show(chartOf(id), machine?.value, isFollowing);
    if (past && seatId) this.#highlightPast(seatId, past);
    this.#renderTimeLeft();
    renderFacts(machine);
  }

  /** The latest transition of the seat up to the moment. */
  #highlightPast(seatId: string, { history, moment }: { history: SaleHistory; moment: number }): void {
    const latest = history.eventsOf(seatId, moment).at(-1)?.moment ?? 0;
    const shown = `${seatId} ${latest}`;
    if (shown === this.#pastShown) return;
    this.#chart.forgetTransitions();
    this.#chart.take(transitionInto(history, latest, seatId) ?? []);
    this.#pastShown = shown;
  }

  #renderTimeLeft(): void {
    const { machine, past } = this.#view ?? {};
    const expiresAt = machine?.value === 'held' ? seatOf(machine)?.expires_at : undefined;
    const left = element('left', HTMLElement);
    left.hidden = expiresAt === undefined;
    if (!machine || expiresAt === undefined) return void this.#chart.burn(0);
    const leftMs = Math.max(0, past ? expiresAt * 1000 - past.nowMs : this.#clock.msUntil(expiresAt));
    setText(left, `${(leftMs / 1000).toFixed(1)} s left`);
    this.#chart.burn(leftMs / (Number(machine.context.holdRemainingMs) || 30_000));
    if (!past) this.#requestTimeLeft();
  }
}

/** `{attached: {live: 'idle'}}` → `attached.live.idle`; parallel regions are separated by a comma. */
export function stateText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value ?? '');
  return Object.entries(value)
    .map(([parent, child]) => `${parent}.${stateText(child)}`)
    .join();
}

const chartOf = (id: string): string => (seatIdOf(id) ? 'seat' : isOrder(id) ? 'order' : 'connection');

function unknownText(id: string, { prefix }: PageShow): string {
  const seatId = seatIdOf(id);
  if (seatId) return `${prefix}No such seat: ${seatId}. Choose one of the seats in the grid.`;
  if (isOrder(id)) return 'This process does not show this order, or no longer.';
  return 'This browser tab is closed, or it was opened without ?inspect.';
}

function renderFacts(machine: ShownMachine | undefined): void {
  const { seat, order, place: _inTheHead, ...rest } = machine?.context ?? {};
  const facts = Object.entries({ ...(isObject(seat) && seat), ...(isObject(order) && order), ...rest });
  const root = element('facts', HTMLElement);
  const shown = JSON.stringify(facts);
  if (root.dataset.shown === shown) return;
  root.dataset.shown = shown;
  root.replaceChildren(
    ...facts.map(([name, value]) => html('div', '', html('dt', '', name), html('dd', '', String(value)))),
  );
}
