import type { Seat } from '../protocol/seat.ts';
import { rowLabel } from '../protocol/seat-id.ts';
import { seatAppearance } from './seat-appearance.ts';

/**
 * The content of the seat map. The server puts it into the page; if it could not, the page makes it. Knows no DOM. `seats`
 * are in row-major order. Nothing in it comes from a user, so nothing needs escaping.
 */
export function seatGridHtml(seats: Iterable<Seat>): string {
  const rows = new Map<number, Seat[]>();
  for (const seat of seats) {
    const inRow = rows.get(seat.row);
    if (inRow) inRow.push(seat);
    else rows.set(seat.row, [seat]);
  }
  return [...rows].map(([row, inRow]) => rowHtml(row, inRow)).join('');
}

function rowHtml(row: number, seats: readonly Seat[]): string {
  const label = rowLabel(row);
  return (
    `<div class="row" role="row"><span class="row-label" role="rowheader" aria-label="Row ${label}">${label}</span>` +
    ` ${seats.map(seatHtml).join(' ')} <span class="row-label" aria-hidden="true">${label}</span></div>`
  );
}

/** The seat as it looks to a user who has no seat yet. */
function seatHtml(seat: Seat): string {
  const { status, text, label } = seatAppearance(seat, '');
  const tabIndex = seat.row === 0 && seat.col === 0 ? 0 : -1;
  return (
    `<button type="button" role="gridcell" class="seat ${status}" id="seat-${seat.id}" data-seat-id="${seat.id}" ` +
    `tabindex="${tabIndex}" aria-label="${label}" title="${label}"><span class="seat-text">${text}</span></button>`
  );
}
