import type { PlanDocument, PlanRow } from '../plan-document.ts';
import type { Show } from '../show.ts';
import type { PretixArea, PretixPlan, PretixRow } from './pretix-plan.ts';

/** Around the seats, for their radius. */
const margin = 20;

/** The plan of a show for pretix. Flags, aisles, prices, times and limits have no place in that format. */
export function toPretix({ name, categories, plan }: Show): PretixPlan {
  const { focal_point: focalPoint, sections } = plan.toDocument();
  const zones = sections.map((section, i) => ({
    name: section.name,
    position: { x: 0, y: 0 },
    rows: section.rows.map(rowOf),
    areas: i === 0 ? [stageAt(focalPoint)] : [],
  }));
  return {
    name,
    categories: categories.map((category) => ({ name: category.name, color: category.colour })),
    zones,
    size: sizeOf({ focal_point: focalPoint, sections }),
  };
}

function rowOf({ label, category, seats }: PlanRow): PretixRow {
  return {
    row_number: label,
    row_number_position: 'both',
    position: { x: 0, y: 0 },
    seats: seats.map((seat) => ({
      seat_guid: seat.id,
      seat_number: seat.label,
      position: { x: seat.x, y: seat.y },
      category: seat.category ?? category,
    })),
  };
}

/** A text, because it takes no room that a seat could have. */
function stageAt(position: PretixArea['position'] & object): PretixArea {
  const text = { text: 'Stage', position: { x: 0, y: 0 }, color: '#333333' };
  return { shape: 'text', color: '#ffffff', border_color: '#ffffff', rotation: 0, position: { ...position }, text };
}

function sizeOf({ focal_point, sections }: PlanDocument): { width: number; height: number } {
  const points = [focal_point, ...sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats))];
  const farthest = (of: 'x' | 'y') => points.reduce((most, point) => Math.max(most, point[of]), 0);
  return { width: Math.ceil(farthest('x')) + margin, height: Math.ceil(farthest('y')) + margin };
}
