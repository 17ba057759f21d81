import { expect, test } from 'vitest';
import { event, freeSeat, holdMs, seatOf, startMs, user } from '../bench/audit-fixture.ts';
import { Audit } from './audit.ts';
import { noFaults } from './faults.ts';
import type { System } from './incidents.ts';
import { SeatLedger } from './seat-ledger.ts';
import type { RecordedOperation } from './users.ts';
import { World } from './world.ts';

/** Each check of the simulation's audit fails on a system of stand-ins with one falsehood. */

const held = event(1, 'held', 'ann');
const endMs = startMs + 10 + holdMs;

interface Falsehood {
  edge?: object;
  edgeSeat?: object;
  view?: object;
  service?: object;
  close?: () => Promise<void>;
  actor?: object;
  actorSeat?: object;
  openTimers?: number;
  isPublished?: boolean;
  expiryQuestions?: number;
  clockOffsetMs?: number;
  store?: object;
  outcome?: RecordedOperation['outcome'];
  invokedAtMs?: number;
}

/** A venue whose only seat is held, and the audit of all of it, in the order of a history. */
async function violationOf(falsehood: Falsehood): Promise<string | undefined> {
  const world = new World(1, { traced: false });
  const ledger = new SeatLedger(world, { rows: 1, cols: 1, holdTtlMs: holdMs, maxHoldsPerUser: 6 });
  ledger.opened({ system: 's', epoch: 'e', seq: 0, nowMs: startMs, seats: [freeSeat] });
  ledger.commit(held, startMs + 10);
  const seat = seatOf(held);
  const position = { epoch: 'e', seq: 1 };
  const host = {
    name: 'one',
    alive: true,
    openTimers: falsehood.openTimers ?? 0,
    run: (action: () => void) => action(),
  };
  const actor = {
    value: 'held',
    status: 'active',
    context: { seat: { ...seat, ...falsehood.actorSeat } },
    ...falsehood.actor,
  };
  const system = {
    world,
    store: {
      ledger,
      hasJumped: false,
      losses: [],
      jumps: [],
      clockOffsetMs: falsehood.clockOffsetMs ?? startMs,
      mostExpiryQuestions: () => falsehood.expiryQuestions ?? 0,
      read: async () => ({ system: 's', ...position, nowMs: startMs, seats: [seat], ...falsehood.store }),
    },
    bus: { has: () => falsehood.isPublished ?? true },
    edges: [
      {
        host: { ...host, openTimers: 0 },
        audit() {},
        close() {},
        feed: { position: { ...position, ...falsehood.edge }, seats: [{ ...seat, ...falsehood.edgeSeat }], close() {} },
      },
    ],
    bookings: [
      {
        host,
        service: {
          view: { ...position, ...falsehood.view },
          isOpen: true,
          unrelayedEvents: 0,
          seatActors: { actors: [{ getSnapshot: () => actor }] },
          ...falsehood.service,
        },
        close: falsehood.close ?? (async () => {}),
      },
    ],
  } as unknown as System;
  const audit = new Audit(system, { faults: noFaults, faultsEndMs: 0, holdTtlMs: holdMs });
  await world.runUntil(2_500);
  if (!world.violation) await audit.auditEnd();
  if (!world.violation) await audit.auditClosing();
  const select: RecordedOperation = {
    clientId: 'ann',
    userId: user('ann'),
    seatIds: ['A1'],
    action: 'select',
    invokedAtMs: falsehood.invokedAtMs ?? 0,
    returnedAtMs: 15,
    wasRepeated: false,
    outcome: falsehood.outcome ?? { seats: [seat] },
  };
  if (!world.violation) audit.auditAnswers([select]);
  return world.violation?.rule;
}

test('[R433] the audit of the simulation passes a true system', async () => {
  expect(await violationOf({})).toBeUndefined();
});

test.each<[string, string, Falsehood]>([
  ['an edge that is behind the store', 'G5', { edge: { seq: 0 } }],
  ['an edge of another epoch', 'G5', { edge: { epoch: 'f' } }],
  ['an edge with a wrong seat at the end', 'G5', { edgeSeat: { held_by: 'bob' } }],
  ['a hold that outlives its end', 'G3', { clockOffsetMs: endMs }],
  ['a process that requests an expiry in a loop', 'G10', { expiryQuestions: 6 }],
  ['a store that is not its log', 'R30', { store: { seats: [freeSeat] } }],
  ['a booking process that is behind', 'R80', { view: { seq: 0 } }],
  ['a venue that is never opened', 'R86', { service: { isOpen: false } }],
  ['an event that was not relayed', 'R50', { service: { unrelayedEvents: 1 } }],
  ['an event that was not published', 'R50', { isPublished: false }],
  ['a seat without an actor', 'R1', { service: { seatActors: { actors: [] } } }],
  ['an actor in another state than its seat', 'R1', { actor: { value: 'booked' } }],
  ['an actor that has stopped', 'R1', { actor: { status: 'stopped' } }],
  ['an actor with another seat', 'R1', { actorSeat: { held_by: 'bob' } }],
  ['a process that does not end', 'G7', { close: () => new Promise(() => {}) }],
  ['a process that leaves a timer', 'G10', { openTimers: 1 }],
  ['a reply that no order explains', 'G4', { outcome: { refusal: 'SEAT_BOOKED' } }],
  ['an event that is older than its request', 'G13', { invokedAtMs: 5 }],
])('[R433] the audit of the simulation catches %s', async (_name, rule, falsehood) => {
  expect(await violationOf(falsehood)).toBe(rule);
});
