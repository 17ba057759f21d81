import type { PlanSection, Point } from '../plan-document.ts';
import type { PretixArea, PretixPlan } from './pretix-plan.ts';

/** The names of a stage in the languages of most plans. */
const stageWords = /\b(stage|bühne|scène|scene|escenario|palco|palcoscenico|podium|screen|leinwand)\b/iu;

/** The middle of the area that is called a stage; without one, the middle of the front edge of the seats. */
export function focalPointOf({ zones }: PretixPlan, sections: readonly PlanSection[]): Point {
  for (const { position, areas = [] } of zones) {
    const stage = areas.find(({ text }) => stageWords.test(text?.text ?? ''));
    if (!stage) continue;
    const middle = middleOf(stage);
    return { x: position.x + middle.x, y: position.y + middle.y };
  }
  const points = sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats));
  const bounds = points.reduce(
    (found, { x, y }) => ({
      left: Math.min(found.left, x),
      right: Math.max(found.right, x),
      top: Math.min(found.top, y),
    }),
    { left: Number.POSITIVE_INFINITY, right: Number.NEGATIVE_INFINITY, top: Number.POSITIVE_INFINITY },
  );
  return points.length === 0 ? { x: 0, y: 0 } : { x: (bounds.left + bounds.right) / 2, y: bounds.top };
}

/** Rectangles are turned around their upper left corner; other shapes have their middle, or their text, at the position. */
function middleOf({ shape, position = { x: 0, y: 0 }, rectangle, rotation = 0, text }: PretixArea): Point {
  if (shape === 'text' && text) return { x: position.x + text.position.x, y: position.y + text.position.y };
  if (shape !== 'rectangle' || !rectangle) return position;
  const [right, down] = [rectangle.width / 2, rectangle.height / 2];
  const [sin, cos] = [Math.sin((rotation * Math.PI) / 180), Math.cos((rotation * Math.PI) / 180)];
  return { x: position.x + right * cos - down * sin, y: position.y + right * sin + down * cos };
}
