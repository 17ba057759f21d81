import { describe, expect, test } from 'vitest';
import { isKeepKey } from '../../src/browser/keep-offer.ts';
import { available, held, serverTime, startSeatActions, venueState } from './browser-fixture.ts';

/** Alice holds A1 and A2 for `holdSeconds`. */
function startWithHolds({ holdSeconds = 30, extensions = 10 } = {}) {
  const run = startSeatActions();
  const settings = { hold_seconds: holdSeconds, hold_extensions: extensions };
  run.receive({ type: 'VENUE_STATE', data: venueState(settings) });
  run.update(
    held('A1', 1, 'alice', serverTime + holdSeconds),
    held('A2', 2, 'alice', serverTime + holdSeconds),
    held('A3', 3, 'bob', serverTime + holdSeconds),
  );
  run.reported.length = 0;
  return run;
}

describe('the offer to keep the seats', () => {
  test.each([
    [30, 10_000],
    [600, 580_000],
    [21, 7_000],
    [9, 3_000],
    [4, 1_000],
  ])('[R482] in a hold of %i s it appears after %i ms', (holdSeconds, afterMs) => {
    const run = startWithHolds({ holdSeconds });
    run.pass(afterMs - 1);
    expect(run.actions.keepableIds).toEqual([]);
    run.pass(1);
    expect(run.actions.keepableIds).toEqual(['A1', 'A2']);
    run.pass(holdSeconds * 1000 - afterMs);
    expect(run.actions.keepableIds, 'the time is up').toEqual([]);
  });

  test('[R482] without extensions nothing is offered or announced, and the key does nothing', () => {
    const run = startWithHolds({ extensions: 0 });
    run.pass(15_000);
    run.actions.announceEnds();
    run.actions.keep();
    expect([run.actions.keepableIds, run.announced, run.sent]).toEqual([[], [], []]);
    run.actions.learnSettings({ hold_extensions: 1 }, 20);
    expect(run.actions.keepableIds, 'the setting may change').toEqual(['A1', 'A2']);
    run.actions.learnSettings({}, 20);
    expect(run.actions.keepableIds).toEqual(['A1', 'A2']);
    run.receive({ type: 'VENUE_STATE', data: venueState({ seq: 3 }) });
    expect(run.actions.keepableIds, 'the venue has no such setting').toEqual([]);
  });

  test('[R482] one command extends all held seats, and the new end is shown', () => {
    const run = startWithHolds();
    run.actions.keep();
    expect(run.sent, 'before the offer').toEqual([]);
    run.pass(15_000);
    run.actions.keep();
    run.actions.keep();
    expect(run.sent).toEqual([{ type: 'EXTEND_HOLD', request_id: 'extend-1', data: { seats: ['A1', 'A2'] } }]);
    run.ackGroup(held('A1', 4, 'alice', serverTime + 45), held('A2', 5, 'alice', serverTime + 45));
    expect(run.reported).toEqual(['success: A1 and A2 are kept for you for 30 s more.']);
    expect(run.actions.holds.map(({ remainingMs }) => remainingMs)).toEqual([30_000, 30_000]);
    expect(run.actions.keepableIds).toEqual([]);
  });

  test('[R482] a single seat is extended too', () => {
    const run = startWithHolds();
    run.update(available('A2', 4));
    run.pass(15_000);
    run.actions.keep();
    expect(run.sent).toMatchObject([{ type: 'EXTEND_HOLD', data: { seats: ['A1'] } }]);
  });

  test('[R483] it is announced once for each end, with the key and the button', () => {
    const run = startWithHolds();
    run.pass(10_000);
    for (let n = 0; n < 3; n++) run.actions.announceEnds();
    expect(run.announced).toEqual([
      '20 s left for A1 and A2. Press F2, or the button Keep 2 seats, to restart the 30 s.',
    ]);
    run.actions.keep();
    run.ackGroup(held('A1', 4, 'alice', serverTime + 40), held('A2', 5, 'alice', serverTime + 40));
    run.pass(9_000);
    run.actions.announceEnds();
    expect(run.announced).toHaveLength(1);
    run.pass(1_000);
    run.actions.announceEnds();
    expect(run.announced).toHaveLength(2);
  });

  test('[R483] ends that are shown as one are announced as one, others by themselves', () => {
    const run = startWithHolds();
    run.update(held('A2', 4, 'alice', serverTime + 35), held('A3', 5, 'alice', serverTime + 36));
    run.pass(9_999);
    run.actions.announceEnds();
    expect(run.announced).toEqual([]);
    run.pass(1);
    run.actions.announceEnds();
    expect(run.announced).toEqual([
      '20 s left for A1 and A2. Press F2, or the button Keep 3 seats, to restart the 30 s.',
    ]);
    run.pass(5_999);
    run.actions.announceEnds();
    expect(run.announced).toHaveLength(1);
    run.pass(1);
    run.actions.announceEnds();
    expect(run.announced[1]).toBe('20 s left for A3. Press F2, or the button Keep 3 seats, to restart the 30 s.');
  });

  test('[R484] at the limit the refusal is reported in words, and the offer goes for these seats', () => {
    const run = startWithHolds();
    run.pass(12_000);
    run.actions.keep();
    run.refuseGroup('EXTENSION_LIMIT', held('A1', 1, 'alice'), held('A2', 2, 'alice'));
    expect(run.reported).toEqual([
      'error: The time for A1 and A2 cannot be extended any more. Book A1 and A2 before it is up.',
    ]);
    expect([run.actions.keepableIds, run.offer()]).toEqual([[], undefined]);
    run.actions.keep();
    expect(run.sent).toHaveLength(1);
    // A later hold of the same seats is another hold.
    run.update(available('A1', 4), available('A2', 5));
    run.update(held('A1', 6, 'alice'));
    expect(run.actions.keepableIds).toEqual(['A1']);
  });

  test('[R484] seats whose holds were extended less often can still be kept', () => {
    const run = startWithHolds();
    run.pass(12_000);
    run.actions.keep();
    run.refuseGroup('EXTENSION_LIMIT', held('A1', 1, 'alice'));
    expect(run.reported).toEqual([
      'error: The time for A1 cannot be extended any more, so A2 is not kept either. Book A1 before it is up.',
    ]);
    expect([run.actions.keepableIds, run.offer()?.label]).toEqual([['A2'], 'Keep A2 without A1']);
    run.offer()?.accept();
    expect(run.sent.at(-1)).toMatchObject({ type: 'EXTEND_HOLD', data: { seats: ['A2'] } });
  });
});

describe('an extension', () => {
  test('[R485] by another user is not reported to this user', () => {
    const run = startWithHolds();
    run.changed.length = 0;
    run.touchedByOthers.length = 0;
    run.update(held('A3', 4, 'bob', serverTime + 60));
    expect([run.changed, run.touchedByOthers]).toEqual([[], []]);
    expect(run.actions.venue.seat('A3')?.expires_at).toBe(serverTime + 60);
    run.update(held('A3', 5, 'carol', serverTime + 60));
    expect([run.changed, run.touchedByOthers]).toEqual([['A3'], ['A3']]);
  });

  test('[R485] a seat that is the same in a new epoch counts as no event of others either', () => {
    const run = startWithHolds();
    run.touchedByOthers.length = 0;
    run.receive({
      type: 'VENUE_STATE',
      data: venueState({ epoch: 'e2', seq: 9 }, held('A3', 2, 'bob'), held('A2', 3, 'carol')),
    });
    expect(run.touchedByOthers).toEqual([]);
    run.receive({ type: 'VENUE_STATE', data: venueState({ epoch: 'e3', seq: 9 }, held('A3', 2, 'carol')) });
    expect(run.touchedByOthers).toEqual(['A2', 'A3']);
  });

  test('[R485] by this user in another window removes the warning about the end', () => {
    const run = startWithHolds();
    run.changed.length = 0;
    run.update(held('A1', 4, 'alice', serverTime + 60));
    expect([run.changed, run.reported]).toEqual([['A1'], []]);
  });
});

test('[R482] the key is F2 alone, pressed once', () => {
  const plain = { key: 'F2', repeat: false, ctrlKey: false, altKey: false, shiftKey: false, metaKey: false };
  expect(isKeepKey(plain)).toBe(true);
  for (const change of [{ key: 'F3' }, { repeat: true }, { ctrlKey: true }, { altKey: true }, { metaKey: true }]) {
    expect(isKeepKey({ ...plain, ...change })).toBe(false);
  }
  expect(isKeepKey({ ...plain, shiftKey: true })).toBe(false);
});
