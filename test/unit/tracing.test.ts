import { AlwaysOffSampler, type ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { expect, test } from 'vitest';
import { traceEvents } from '../../src/booking/trace-events.ts';
import { FlushSpan } from '../../src/edge/flush-span.ts';
import { headersOf } from '../../src/events/jetstream-publisher.ts';
import { installRequestSpans } from '../../src/http/request-spans.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import type { SeatCommand } from '../../src/store/seat-store.ts';
import { traceOf, withTrace } from '../../src/tracing/event-trace.ts';
import { maxLinks, spanContextOf, traceparentOf, tracing } from '../../src/tracing/tracing.ts';
import { recordSpans, someContext } from '../support/record-spans.ts';
import { testShow } from '../support/several-shows.ts';
import { showsSystem } from '../support/shows-system.ts';
import { startApi } from './api-fixture.ts';
import { startPacedSeats } from './paced-fixture.ts';

const linksOf = ({ links }: ReadableSpan) => links.map(({ context }) => context.spanId);
const named = (spans: readonly ReadableSpan[], name: string) => spans.filter((span) => span.name === name);
const event = (seat_id: string, user_id: string, seq: number): SeatEvent => ({
  ...{ type: 'held', seat_id, user_id, status: 1, timestamp: '', epoch: 'e1', seq },
});

test('[R991] shared work is one span: a child of the first sampled trace, with a bounded number of links to the sampled ones', () => {
  const spans = recordSpans();
  const unsampled = someContext(1, { isSampled: false });
  tracing?.sharedSpan('few', [undefined, unsampled, someContext(2), someContext(3)], {})?.end();
  const many = Array.from({ length: 500 }, (_, number) => someContext(number + 1));
  tracing?.sharedSpan('many', many, {})?.end();
  expect(tracing?.sharedSpan('none', [undefined, unsampled], {})).toBeUndefined();
  const [few, all] = spans() as [ReadableSpan, ReadableSpan];
  expect(few.parentSpanContext?.spanId).toBe(someContext(2).spanId);
  expect(few.spanContext().traceId).toBe(someContext(2).traceId);
  expect(linksOf(few)).toEqual([someContext(2).spanId, someContext(3).spanId]);
  expect(linksOf(all)).toEqual(many.slice(0, maxLinks).map(({ spanId }) => spanId));
});

test('[R991] an event continues the trace of its own command, among all that one call decided', () => {
  recordSpans();
  const commands: SeatCommand[] = [
    { action: 'select', seatIds: ['A1'], userId: 'ann', trace: someContext(1) },
    { action: 'select', seatIds: ['A1', 'A2'], userId: 'bob', trace: someContext(2) },
    { action: 'expire', seatIds: ['A3'], trace: someContext(3) },
    { action: 'select', seatIds: ['A4'], userId: 'ann', trace: someContext(4, { isSampled: false }) },
  ];
  const events = [event('A1', 'bob', 1), event('A2', 'bob', 2), event('A3', 'eve', 3), event('A4', 'ann', 4)];
  traceEvents(events, commands);
  expect(events.map((each) => traceOf(each)?.spanId)).toEqual(
    [2, 2, 3].map((number) => someContext(number).spanId).concat(undefined as never),
  );
});

test('[R991] a paced flush is one span with links to the updates in it, and the number of sockets', () => {
  const spans = recordSpans();
  const { clock, commit, deliver, page, connect } = startPacedSeats({ rows: 10, cols: 10 });
  for (const user of ['eve', 'mia', 'zoe']) connect(page(user));
  for (let n = 0; n < 8; n++) deliver(commit(99, 1, `u${n}`)); // uses up the burst
  for (const number of [1, 2]) deliver(withTrace(commit(number, 1, 'ann'), someContext(number)));
  deliver(commit(3, 1, 'ann'));
  expect(spans()).toEqual([]);
  clock.increment(100);
  expect(spans().map(linksOf)).toEqual([[someContext(1).spanId, someContext(2).spanId]]);
  expect(spans()[0]?.attributes).toMatchObject({ 'booking.sockets': 3, 'messaging.batch.message_count': 3 });
});

test('[R991] updates that no socket gets leave no span', () => {
  const spans = recordSpans();
  const flush = new FlushSpan('seat-booking.v1');
  flush.add(withTrace(event('A1', 'ann', 1), someContext(1)));
  flush.end(0);
  flush.add(event('A1', 'ann', 2));
  flush.end(5);
  expect(spans()).toEqual([]);
});

test('[R992] an HTTP request continues the trace of its header; a malformed header begins a new one', async () => {
  const spans = recordSpans();
  const { app } = await startApi();
  const select = (seat_id: string, traceparent: string) =>
    app.inject({
      ...{ method: 'POST', url: '/api/seats/select', payload: { seat_id, user_id: 'ann' } },
      headers: { traceparent },
    });
  await select('A1', traceparentOf(someContext(7)));
  await select('A2', '00-not-a-trace');
  await select('A3', traceparentOf(someContext(8, { isSampled: false })));
  const requests = named(spans(), 'POST /api/seats/select');
  expect(requests.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([
    someContext(7).spanId,
    undefined,
  ]);
  const [first] = requests as [ReadableSpan];
  expect(first.attributes).toMatchObject({ 'http.route': '/api/seats/select', 'http.response.status_code': 200 });
  const decisions = named(spans(), 'decide select');
  expect(decisions.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
    requests.map((span) => span.spanContext().spanId),
  );
});

test.each([
  ['the decision on a command of a socket is part of its trace', true],
  ['Control: without propagation it is not', false],
])('[R990] [R998] %s', async (_, propagates) => {
  const spans = recordSpans({ propagates });
  const { edges } = await showsSystem({ shows: [testShow('main')] });
  const client = await edges[0]?.connect(['seat-booking.v1']);
  client?.send({ type: 'CONNECT', data: { user_id: 'ann' } });
  await client?.received('ACK');
  client?.send({ type: 'SELECT_SEAT', data: { seat_id: 'A1' } });
  await client?.received('ACK', 2);
  await expect.poll(() => named(spans(), 'SELECT_SEAT')).toHaveLength(1);
  const [command, decision] = [named(spans(), 'SELECT_SEAT')[0], named(spans(), 'decide select')[0]];
  const isConnected = decision?.parentSpanContext?.spanId === command?.spanContext().spanId;
  expect(isConnected).toBe(propagates);
});

test('[R994] an unsampled command leaves no span, and its events have no trace', async () => {
  const spans = recordSpans({ sampler: new AlwaysOffSampler() });
  const span = tracing?.span('root', undefined, {});
  const held = withTrace(event('A1', 'ann', 1), span?.spanContext());
  expect(traceOf(held)).toBeUndefined();
  expect(spans()).toEqual([]);
});

test('[R993] without a trace, the headers of a message are those without tracing', () => {
  const message = { subject: 'seats.held', body: '{}', id: 'e1:7' };
  const encoded = (headers: unknown) => String((headers as { encode(): Uint8Array }).encode());
  expect(encoded(headersOf(message))).toBe('NATS/1.0\r\nNats-Msg-Id: e1:7\r\n\r\n');
  expect(encoded(headersOf({ ...message, traceparent: '00-1-2-01' }))).toBe(
    'NATS/1.0\r\nNats-Msg-Id: e1:7\r\ntraceparent: 00-1-2-01\r\n\r\n',
  );
});

test('[R993] without tracing, requests have no hooks for it', async () => {
  expect(tracing).toBeUndefined();
  const { app } = await startApi();
  installRequestSpans(app);
  expect(app.hasRequestDecorator('trace')).toBe(false);
  expect(spanContextOf(undefined)).toBeUndefined();
});
