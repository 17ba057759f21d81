import { element } from '../browser/dom.ts';
import { isOrder, seatIdOf } from './address.ts';
import { html } from './html.ts';
import type { Machines, ShownMachine } from './machine.ts';

const shownOrders = 20;

const seatIdsOf = ({ context }: ShownMachine): readonly string[] =>
  (context.order as { seatIds?: readonly string[] } | undefined)?.seatIds ?? [];

/** The orders of the process: first those with the chosen seat, then the ones that began last. */
export class OrderList {
  readonly #root = element('orders', HTMLElement);
  readonly #list = element('order-list', HTMLElement);
  readonly #onChoose: (machine: string) => void;

  constructor(onChoose: (machine: string) => void) {
    this.#onChoose = onChoose;
  }

  render(machines: Machines, chosen: string): void {
    const orders = machines.ids.filter(isOrder).flatMap((id) => machines.get(id) ?? []);
    const seatId = seatIdOf(chosen) ?? '';
    const isOfSeat = (order: ShownMachine) => seatIdsOf(order).includes(seatId);
    const sorted = orders.reverse().sort((a, b) => Number(isOfSeat(b)) - Number(isOfSeat(a)));
    const shown = sorted.slice(0, shownOrders);
    this.#root.hidden = shown.length === 0;
    const text = shown.map((order) => `${order.id} ${order.value} ${isOfSeat(order)}`).join('\n');
    if (this.#list.dataset.shown === `${text} ${chosen}`) return;
    this.#list.dataset.shown = `${text} ${chosen}`;
    this.#list.replaceChildren(...shown.map((order) => this.#button(order, isOfSeat(order), chosen)));
  }

  #button(order: ShownMachine, isOfSeat: boolean, chosen: string): HTMLElement {
    const state = String(order.value);
    const button = html(
      'button',
      `tab-machine${isOfSeat ? ' of-seat' : ''}`,
      html('span', '', `${order.id}: ${seatIdsOf(order).join(', ')}`),
      html('span', `pill ${state === 'needs_person' ? state : 'quiet'}`, state),
    );
    button.ariaPressed = String(order.id === chosen);
    button.addEventListener('click', () => this.#onChoose(order.id));
    return button;
  }
}
