/** Rows are lettered as in a spreadsheet: 0 → A, 25 → Z, 26 → AA. */
export function rowLabel(row: number): string {
  let label = '';
  for (let n = row + 1; n > 0; n = Math.floor((n - 1) / 26)) {
    label = String.fromCharCode(65 + ((n - 1) % 26)) + label;
  }
  return label;
}

/** `row` and `col` count from 0; the id's column counts from 1: (0, 0) → A1. */
export function seatId(row: number, col: number): string {
  return rowLabel(row) + (col + 1);
}
