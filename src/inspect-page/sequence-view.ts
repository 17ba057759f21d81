import { conversation, lanesOf } from './conversation.ts';
import { clockTime, html } from './html.ts';
import type { ShownMachine } from './machine.ts';

const shownLines = 60;

/** The messages of a machine as a sequence diagram, newest at the bottom. */
export function renderSequence(root: HTMLElement, machine: ShownMachine | undefined, show: string | undefined): void {
  if (!machine) return void root.replaceChildren();
  const wasAtEnd = root.scrollHeight - root.scrollTop - root.clientHeight < 40;
  const lanes = lanesOf(machine.id);
  const head = html('div', 'lanes', ...lanes.map((lane) => html('span', '', lane)));
  const lines = conversation(machine.id, machine.events, show).slice(-shownLines);
  const list = html('ol', 'lines');
  for (const { from, to, text, atMs, tone } of lines) {
    const isSelf = from === to;
    const direction = isSelf ? 'self' : from < to ? 'right' : 'left';
    const arrow = html('span', `line-arrow ${direction} ${tone ?? ''}`, html('span', 'line-text', text));
    const [start, width] = [Math.min(from, to), Math.abs(to - from)];
    arrow.style.left = `${((start + 0.5) / lanes.length) * 100}%`;
    if (!isSelf) arrow.style.width = `${(width / lanes.length) * 100}%`;
    const item = html('li', '', arrow);
    item.title = clockTime(atMs);
    list.append(item);
  }
  if (lines.length === 0) list.append(html('li', 'none', 'No messages yet.'));
  root.replaceChildren(head, list);
  if (wasAtEnd) root.scrollTop = root.scrollHeight;
}
