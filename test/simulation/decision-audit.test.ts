import { expect, test } from 'vitest';
import { haveOneEnd } from '../../bench/audit/seat-rules.ts';
import type { SeatEvent } from '../../src/protocol/events.ts';
import { gridPlan } from '../../src/shows/default-show.ts';
import { MemorySeatStore } from '../../src/store/memory-seat-store.ts';
import { answerKeptMs, type Decision, type SeatCommand } from '../../src/store/seat-store.ts';
import { DecisionAudit } from './decision-audit.ts';
import { SeatLedger } from './seat-ledger.ts';
import { World } from './world.ts';

/** Each check on one decision of the real store, as it is and changed. */

const settings = { rows: 1, cols: 3, holdTtlMs: 30_000, maxHoldsPerUser: 2, maxExtensions: 1 };

/** `rules`: those of the store; the audit has the settings. */
async function opened(rules = settings) {
  let nowMs = 1_700_000_000_000;
  const world = new World(1, { traced: false });
  const ledger = new SeatLedger(world, settings);
  const store = new MemorySeatStore({ ...rules, plan: gridPlan(rules), nowMs: () => nowMs });
  const audit = new DecisionAudit(world, ledger, settings);
  const snapshot = await store.open('s');
  ledger.opened(snapshot);
  /** Each text is a command: 'ann select A1 A2 key1', with 'key1!' where it is a retry. The last decision is changed before it is audited. */
  const decide = async (
    texts: string[],
    change: (decision: Decision) => Decision = (decision) => decision,
    audited = texts,
  ) => {
    const { epoch } = snapshot;
    const decision = await store.decide(texts.map(commandOf), { epoch, seq: ledger.position.seq });
    audit.decided(audited.map(commandOf), change(decision));
    return world.violation?.rule;
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { audit, decide, pass, world };
}

function commandOf(text: string): SeatCommand {
  const [userId = '', action = '', ...rest] = text.split(' ');
  const seatIds = rest.filter((word) => /^A\d$/.test(word));
  const key = rest.find((word) => word.startsWith('key'));
  return {
    action: action as 'select',
    userId,
    seatIds,
    request: key === undefined ? undefined : { key: key.replace('!', ''), isRepeat: key.endsWith('!') },
  };
}

const events = (change: (events: SeatEvent[]) => SeatEvent[]) => (decision: Decision) => ({
  ...decision,
  events: change(decision.events),
});

test('[R472] the audit of decisions accepts the decisions of the real store', async () => {
  const { decide, pass, world } = await opened();
  await decide(['ann select A1 A2', 'bob select A3 A2', 'bob select A3', 'ann select A1 A3', 'ann extend A1 A2']);
  await decide(['ann extend A1 A2', 'ann book A1', 'ann release A1 A2', 'bob release A3', 'ann select A2 A3']);
  pass(settings.holdTtlMs + 1);
  await decide(['bob select A2 A3', 'ann extend A2', 'ann expire A2']);
  expect(world.violation).toBeUndefined();
  expect(world.counts.get('executed select of several seats')).toBe(2);
});

test('[R472] the audit of decisions accepts a hold that keeps its later end', async () => {
  const { decide, pass, world } = await opened();
  await decide(['ann select A1']);
  pass(-60_000);
  await decide(['ann select A2', 'ann extend A1 A2']);
  expect(world.violation).toBeUndefined();
  expect(world.counts.get('executed extend of several seats')).toBe(1);
});

test.each([
  { what: 'both have the new end', ends: [50, 50], isOne: true },
  { what: 'one keeps its later end', ends: [60, 50], isOne: true },
  { what: 'one has an end that is neither', ends: [61, 50], isOne: false },
  { what: 'one keeps an earlier end', ends: [60, 70], isOne: false },
])('[R472] the ends of a group: $what', ({ ends, isOne }) => {
  const before = [60, 30].map((expires_at, i) => ({
    id: `A${i}`,
    row: 0,
    col: i,
    status: 1 as const,
    seq: i,
    expires_at,
  }));
  const made = ends.map((expires_at, i) => ({ seat_id: `A${i}`, expires_at }));
  expect(haveOneEnd(made, before)).toBe(isOne);
});

test.each<[string, string[], (decision: Decision) => Decision]>([
  ['half of a group', ['ann select A1 A2'], events((all) => all.slice(0, 1))],
  [
    'half of a refused group',
    ['bob select A2', 'ann select A1'],
    ({ answers: [bob, ann], ...rest }) => ({
      ...rest,
      answers: [bob, { ...ann, refusal: 'SEAT_HELD', refused: ['A1'] }] as Decision['answers'],
    }),
  ],
  [
    'a group whose seats change at two times',
    ['ann select A1 A2'],
    events((all) => all.map((event, i) => (i === 1 ? { ...event, timestamp: new Date(0).toISOString() } : event))),
  ],
  [
    'an answer with seats of another moment',
    ['ann select A1', 'ann release A1'],
    ({ answers, ...rest }) => ({
      ...rest,
      answers: answers.map(({ seats }) => ({ seats: seats.map((seat) => ({ ...seat, status: 1 as const })) })),
    }),
  ],
  [
    'a refusal that no seat requires',
    ['ann select A1 A2'],
    ({ answers: [first], ...rest }) => ({
      ...rest,
      events: [],
      answers: [{ seats: first?.seats ?? [], refusal: 'SEATS_TAKEN', refused: ['A1'] }],
    }),
  ],
  [
    'a refusal that names another seat',
    ['bob select A1', 'ann select A1 A2'],
    ({ answers, ...rest }) => ({
      ...rest,
      answers: answers.map((answer) => (answer.refusal ? { ...answer, refused: ['A2'] } : answer)),
    }),
  ],
  [
    'a limit that is not reached',
    ['ann select A1'],
    ({ answers: [first], ...rest }) => ({
      ...rest,
      events: [],
      answers: [{ seats: first?.seats ?? [], refusal: 'HOLD_LIMIT', refused: ['A1'] }],
    }),
  ],
  [
    'an event of no command',
    ['ann select A1'],
    ({ answers, ...rest }) => ({
      ...rest,
      answers: answers.map(({ seats }) => ({ seats: seats.map((seat) => ({ ...seat, seq: 9 })) })),
    }),
  ],
])('[R472] the audit of decisions catches %s', async (_name, commands, change) => {
  const { decide } = await opened();
  expect(await decide(commands, change)).toBe('G13');
});

test('[R472] the audit of decisions catches more holds or extensions than allowed', async () => {
  const commands = ['ann select A1', 'ann extend A1', 'ann extend A1', 'ann select A2', 'ann select A3'];
  expect(await (await opened({ ...settings, maxHoldsPerUser: 3 })).decide(commands)).toBe('R35');
  expect(await (await opened({ ...settings, maxExtensions: 2 })).decide(commands)).toBe('R395');
});

test('[R472] the audit of decisions catches a retry that is executed again, until its answer may be forgotten', async () => {
  const before = ['ann select A1 A2 key1', 'ann release A1 A2 key2', 'ann select A1 A2 key3'];
  const retry = 'ann release A1 A2 key2!';
  const kept = await opened();
  await kept.decide(before);
  expect(await kept.decide([retry])).toBeUndefined();

  const executed = await opened();
  await executed.decide(before);
  // The store gets the command without its key.
  expect(await executed.decide(['ann release A1 A2'], undefined, [retry])).toBe('G13');
  expect(executed.world.violation?.message).toContain('an earlier attempt had the answer');

  const late = await opened();
  await late.decide(before);
  late.pass(answerKeptMs);
  expect(await late.decide([retry])).toBeUndefined();
  late.audit.lost();
  expect(await late.decide(['ann select A1 A2 key3!'])).toBeUndefined();
});
