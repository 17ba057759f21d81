import type { HistoryEvent } from '../inspect/feed.ts';
import { readable } from './conversation.ts';
import { clockTime, html } from './html.ts';
import type { ShownMachine } from './machine.ts';
import type { SaleHistory } from './sale-history.ts';

const shownEvents = 50;

/** The last events of a machine with their payload, newest first. */
export function renderEvents(root: HTMLElement, machine: ShownMachine | undefined): void {
  const items = (machine?.events ?? []).slice(-shownEvents).reverse();
  if (items.length === 0) return void root.replaceChildren(html('p', 'none', 'No events yet.'));
  const list = html('ol', 'event-list');
  for (const { atMs, event } of items) {
    const { type, ...rest } = event;
    const detail =
      Object.keys(rest).length > 0
        ? JSON.stringify(rest)
            .replaceAll(/"(\w+)":/g, '$1: ')
            .slice(1, -1)
        : '';
    const head = html('div', 'event-head', html('b', '', readable(type)), html('time', '', clockTime(atMs)));
    list.append(html('li', '', head, ...(detail ? [html('code', '', detail)] : [])));
  }
  root.replaceChildren(list);
}

/** The last transitions of the whole venue, newest first. */
export function renderLatest(
  root: HTMLElement,
  events: readonly HistoryEvent[],
  onChoose: (seatId: string) => void,
): void {
  const shown = events.map(({ seq }) => seq).join();
  if (root.dataset.shown === shown) return;
  root.dataset.shown = shown;
  root.replaceChildren(
    ...events.map((event) => {
      const what = html('span', '', event.reason === 'expired' ? 'expired' : event.type);
      const button = html(
        'button',
        '',
        swatch(event),
        html('b', '', event.seat_id),
        html('span', 'who', event.user_id),
        what,
      );
      button.addEventListener('click', () => onChoose(event.seat_id));
      return button;
    }),
  );
}

const swatch = ({ type }: HistoryEvent) => html('i', `swatch ${type === 'released' ? 'available' : type}`);

/** The transitions of a seat with user, reason and time, newest first. Each is a link to its moment in the replay. */
export function renderHistory(
  root: HTMLElement,
  seatId: string,
  history: SaleHistory | undefined,
  { moment, onGo }: { moment: number | undefined; onGo: (moment: number) => void },
): void {
  if (!history) return void root.replaceChildren(html('p', 'none', 'Reading the log…'));
  const items = history.eventsOf(seatId).reverse();
  if (items.length === 0) return void root.replaceChildren(html('p', 'none', 'No transitions yet.'));
  const list = html('ol', 'history-list');
  for (const { event, moment: after } of items) {
    const why = { held: 'selected', booked: 'booked', released: 'released' }[event.type];
    const button = html(
      'button',
      `history-item ${event.type}`,
      swatch(event),
      html('span', 'who', event.user_id),
      html('span', 'why', event.reason === 'expired' ? 'expired' : why),
      html('time', '', clockTime(Date.parse(event.timestamp))),
    );
    button.type = 'button';
    if (moment !== undefined && after > moment) button.classList.add('future');
    button.addEventListener('click', () => onGo(after));
    list.append(html('li', '', button));
  }
  root.replaceChildren(list);
}
