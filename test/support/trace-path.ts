import { present } from '../../src/process/present.ts';
import type { ReceivedSpan } from './trace-receiver.ts';

/** A span on the path of a command, and the span before it, which is its parent or has a link from it. */
export interface Hop {
  span: string;
  from?: string;
  by?: 'parent' | 'link';
}

/** Of a command over a WebSocket, until its update is written to the sockets. Names are `<service>: <span>`. */
export const pathOfCommand: readonly Hop[] = [
  { span: 'edge: SELECT_SEAT' },
  { span: 'edge: POST /commands', from: 'edge: SELECT_SEAT', by: 'link' },
  { span: 'booking: POST /commands', from: 'edge: POST /commands', by: 'parent' },
  { span: 'booking: decide select', from: 'edge: SELECT_SEAT', by: 'parent' },
  { span: 'booking: EVALSHA decide', from: 'booking: decide select', by: 'link' },
  { span: 'booking: publish seats.held', from: 'booking: decide select', by: 'parent' },
  { span: 'edge: send updates', from: 'booking: publish seats.held', by: 'link' },
];

export const nameOf = ({ service, name }: ReceivedSpan): string => `${service}: ${name}`;

/** The hops that are missing between the only spans with their names. */
export function brokenHops(spans: readonly ReceivedSpan[]): Hop[] {
  const byName = new Map(spans.map((span) => [nameOf(span), span]));
  return pathOfCommand.filter(({ span: name, from, by }) => {
    const span = byName.get(name);
    if (!span) return true;
    if (from === undefined) return span.parentId !== '';
    const { spanId } = present(byName.get(from) ?? span, 'a span');
    return by === 'parent' ? span.parentId !== spanId : !span.links.includes(spanId);
  });
}
