import { rowLabel } from '../protocol/seat-id.ts';
import type { CompleteLayout, LayoutSection } from './layout.ts';
import type { PlanDocument, PlanRow, PlanSeat, Point, SeatFlag } from './plan-document.ts';

/** The plan of a valid layout. Its upper left corner is at (0, 0). */
export function generatePlan(layout: CompleteLayout): PlanDocument {
  const sections = layout.sections.flatMap(repeated).map((section) => ({
    name: section.name,
    rows: rowsOf(section, layout),
  }));
  return fromCorner({ focal_point: { x: 0, y: 0 }, sections });
}

/** Number of seats of the layout, without making them. */
export function seatCount({ sections }: CompleteLayout): number {
  return sections.reduce((sum, { rows, seats, seats_step: step, repeat }) => {
    return sum + (repeat?.count ?? 1) * (rows * seats + (step * rows * (rows - 1)) / 2);
  }, 0);
}

/** Number of seats in a row, counted from 0. */
export const seatsInRow = ({ seats, seats_step: step }: LayoutSection, row: number): number => seats + step * row;

/** Label of a row, counted from 0. */
export function labelOfRow({ first_row: first }: LayoutSection, row: number): string {
  return /^[0-9]/.test(first) ? String(Number(first) + row) : rowLabel(rowNumber(first) + row);
}

/** The sections that a section of the layout stands for. */
function repeated(section: LayoutSection): LayoutSection[] {
  const { repeat, angle, offset } = section;
  if (!repeat) return [section];
  return Array.from({ length: repeat.count }, (_, i) => {
    const number = String(repeat.first_number + i);
    return {
      ...section,
      name: section.name.replaceAll('{n}', number),
      id_prefix: section.id_prefix.replaceAll('{n}', number),
      angle: angle + i * repeat.angle_step,
      offset: offset + i * repeat.offset_step,
    };
  });
}

function rowsOf(section: LayoutSection, layout: CompleteLayout): PlanRow[] {
  const flags = flagsOf(section);
  let category = section.category;
  return Array.from({ length: section.rows }, (_, row) => {
    const label = labelOfRow(section, row);
    category = section.category_from[label] ?? category;
    return { label, category, seats: seatsOf({ section, row, label, flags, layout }) };
  });
}

interface RowToMake {
  section: LayoutSection;
  row: number;
  label: string;
  flags: ReadonlyMap<string, SeatFlag[]>;
  layout: CompleteLayout;
}

function seatsOf({ section, row, label, flags, layout }: RowToMake): PlanSeat[] {
  const count = seatsInRow(section, row);
  const aisles = section.aisles_after.filter((after) => after < count);
  const width = count - 1 + aisles.length;
  return Array.from({ length: count }, (_, col) => {
    const place = col + aisles.filter((after) => after <= col).length;
    const number = String(section.first_seat + col);
    const localId = joined(label, number);
    const seat: PlanSeat = {
      id: `${section.id_prefix}${localId}`,
      label: number,
      ...pointAt(section, row, (place - width / 2) * layout.seat_pitch, layout.row_pitch),
    };
    const ownFlags = flags.get(localId);
    if (ownFlags) seat.flags = ownFlags;
    if (aisles.includes(col + 1)) seat.aisle_after = true;
    return seat;
  });
}

/** Relative to the focal point. `along`: from the middle of the row to the right. */
function pointAt(section: LayoutSection, row: number, along: number, rowPitch: number): Point {
  const radius = section.distance + row * rowPitch;
  const shift = section.offset + along;
  const angle = (section.angle * Math.PI) / 180;
  if (!section.curved) {
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    return { x: radius * sin + shift * cos, y: radius * cos - shift * sin };
  }
  const turned = angle + shift / radius;
  return { x: radius * Math.sin(turned), y: radius * Math.cos(turned) };
}

function flagsOf({ accessible, companion, restricted_view }: LayoutSection): Map<string, SeatFlag[]> {
  const flags = new Map<string, SeatFlag[]>();
  const lists: [SeatFlag, string[]][] = [
    ['accessible', accessible],
    ['companion', companion],
    ['restricted-view', restricted_view],
  ];
  for (const [flag, seats] of lists) {
    for (const seat of seats) flags.set(seat, [...(flags.get(seat) ?? []), flag]);
  }
  return flags;
}

/** Of row "C" and seat "5": C5. Of row "1" and seat "12": 1-12, because 112 could be row 11 too. */
export const joined = (row: string, seat: string): string => (/[0-9]$/.test(row) ? `${row}-${seat}` : `${row}${seat}`);

/** The inverse of `rowLabel`: A → 0, AA → 26. */
function rowNumber(label: string): number {
  return [...label].reduce((number, letter) => number * 26 + letter.charCodeAt(0) - 64, 0) - 1;
}

/** Moves everything so that the smallest coordinates are 0; a tenth of a unit is exact enough to draw and to compare. */
function fromCorner({ focal_point: focalPoint, sections }: PlanDocument): PlanDocument {
  const points = [focalPoint, ...sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats))];
  const left = points.reduce((least, { x }) => Math.min(least, x), 0);
  const top = points.reduce((least, { y }) => Math.min(least, y), 0);
  for (const point of points) {
    point.x = Math.round((point.x - left) * 10) / 10;
    point.y = Math.round((point.y - top) * 10) / 10;
  }
  return { focal_point: focalPoint, sections };
}
