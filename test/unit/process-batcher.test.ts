import { expect, onTestFinished, test, vi } from 'vitest';
import { SharedCall } from '../../src/booking/shared-call.ts';
import { Batcher } from '../../src/process/batcher.ts';
import { endOfTurn } from '../../src/process/end-of-turn.ts';
import { settle } from '../support/settle.ts';

/** A call whose reply the test controls. */
function heldCalls() {
  const calls: { requests: readonly number[]; answer: () => void; fail: (error: Error) => void }[] = [];
  const call = (requests: readonly number[]) =>
    new Promise<string[]>((resolve, reject) => {
      calls.push({ requests, answer: () => resolve(requests.map((n) => `answer ${n}`)), fail: reject });
    });
  return { calls, call };
}

test('[R20] only one call runs; all requests meanwhile share the next', async () => {
  const { calls, call } = heldCalls();
  const batcher = new Batcher({ call });
  const first = batcher.request(1);
  const others = [2, 3, 4].map((n) => batcher.request(n));
  await settle();
  expect(calls.map(({ requests }) => requests)).toEqual([[1]]);

  calls[0]?.answer();
  expect(await first).toBe('answer 1');
  await settle();
  expect(calls.map(({ requests }) => requests)).toEqual([[1], [2, 3, 4]]);

  const late = batcher.request(5);
  calls[1]?.answer();
  expect(await Promise.all(others)).toEqual(['answer 2', 'answer 3', 'answer 4']);
  await settle();
  calls[2]?.answer();
  expect(await late).toBe('answer 5');
  expect(calls).toHaveLength(3);
});

test('[G4] [R20] a reply always comes from a call that began after the request, for every interleaving', async () => {
  let moment = 0;
  let underWay = 0;
  const batcher = new Batcher<number, number>({
    call: async (requests) => {
      expect(++underWay, 'calls under way').toBe(1);
      const beganAt = ++moment;
      for (let i = 0; i < beganAt % 4; i++) await settle();
      underWay--;
      return requests.map(() => beganAt);
    },
  });
  const pending: Promise<void>[] = [];
  for (let i = 0; i < 300; i++) {
    const requestedAt = ++moment;
    pending.push(batcher.request(i).then((beganAt) => expect(beganAt).toBeGreaterThan(requestedAt)));
    if (i % 3 === 0) await settle();
    if (i % 5 === 0) await Promise.resolve();
  }
  await Promise.all(pending);
});

test('[R20] a request from within a reply starts a new call', async () => {
  const { calls, call } = heldCalls();
  const batcher = new Batcher({ call });
  const chained = batcher.request(1).then(() => batcher.request(2));
  calls[0]?.answer();
  await settle();
  expect(calls.map(({ requests }) => requests)).toEqual([[1], [2]]);
  calls[1]?.answer();
  expect(await chained).toBe('answer 2');
});

test('[R264] a call takes only as many requests as fit; the rest goes into the next ones', async () => {
  const { calls, call } = heldCalls();
  const batcher = new Batcher({ call, fits: ({ length }) => Math.min(length, 2) });
  const replies = [1, 2, 3, 4].map((n) => batcher.request(n));
  for (const i of [0, 1, 2]) {
    calls[i]?.answer();
    await settle();
  }
  await Promise.all(replies);
  expect(calls.map(({ requests }) => requests)).toEqual([[1], [2, 3], [4]]);
});

test('[R22] a failed call rejects its own requests and no others', async () => {
  const { calls, call } = heldCalls();
  const batcher = new Batcher({ call });
  const first = batcher.request(1);
  const second = batcher.request(2);
  calls[0]?.fail(new Error('the first call failed'));
  await expect(first).rejects.toThrow('the first call failed');
  await settle();
  calls[1]?.answer();
  expect(await second).toBe('answer 2');
});

test('[R22] a call that throws synchronously counts as failed', async () => {
  let isBroken = true;
  const batcher = new Batcher<number, number>({
    call: (requests) => {
      if (isBroken) throw new Error('thrown at once');
      return Promise.resolve([...requests]);
    },
  });
  await expect(batcher.request(1)).rejects.toThrow('thrown at once');
  isBroken = false;
  expect(await batcher.request(2)).toBe(2);
});

test('[R385] a call that does not reply to each of its requests rejects them all', async () => {
  const batcher = new Batcher<number, number>({ call: async (requests) => requests.slice(1) });
  const replies = [batcher.request(1), batcher.request(2)];
  for (const reply of replies) await expect(reply).rejects.toThrow('must reply to each');
});

test('[R20] a delayed call includes all requests that arrive until it starts', async () => {
  const { calls, call } = heldCalls();
  const begun: (() => void)[] = [];
  const batcher = new Batcher({ call, begin: (work) => begun.push(work) });
  const replies = [1, 2].map((n) => batcher.request(n));
  expect(calls).toEqual([]);
  begun[0]?.();
  replies.push(batcher.request(3));
  expect(calls.map(({ requests }) => requests)).toEqual([[1, 2]]);
  calls[0]?.answer();
  await settle();
  replies.push(batcher.request(4));
  expect(begun).toHaveLength(2);
  begun[1]?.();
  calls[1]?.answer();
  expect(await Promise.all(replies)).toEqual(['answer 1', 'answer 2', 'answer 3', 'answer 4']);
  expect(calls.map(({ requests }) => requests)).toEqual([
    [1, 2],
    [3, 4],
  ]);
  expect(begun).toHaveLength(2);
});

test('[R20] a shared call serves the requests before its start, not the later ones', async () => {
  const begun: (() => void)[] = [];
  let calls = 0;
  const shared = new SharedCall(
    async () => ++calls,
    (work) => begun.push(work),
  );
  const replies = [shared.request(), shared.request()];
  begun[0]?.();
  replies.push(shared.request());
  expect(await Promise.all(replies.slice(0, 2))).toEqual([1, 1]);
  expect(begun).toHaveLength(2);
  begun[1]?.();
  expect(await replies[2]).toBe(2);
  expect(begun).toHaveLength(2);
});

test('[R22] a failed shared call rejects all its requests, and the next one runs', async () => {
  const answers = [() => Promise.reject(new Error('the first call failed')), async () => 'second'];
  const shared = new SharedCall(() => (answers.shift() as () => Promise<string>)());
  const first = shared.request();
  const second = [shared.request(), shared.request()];
  await expect(first).rejects.toThrow('the first call failed');
  expect(await Promise.all(second)).toEqual(['second', 'second']);
});

test('[R20] the end of a turn comes after all its I/O, and is shared by all waiting actions', async () => {
  const done: string[] = [];
  endOfTurn(() => {
    done.push('first');
    endOfTurn(() => done.push('added meanwhile'));
  });
  endOfTurn(() => done.push('second'));
  setImmediate(() => done.push('next turn'));
  process.nextTick(() => done.push('this turn'));
  await settle();
  await settle();
  expect(done).toEqual(['this turn', 'first', 'second', 'added meanwhile', 'next turn']);
});

test('[R20] the end of a turn comes while the timers of a test are fake, and after it', async () => {
  const done: string[] = [];
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  endOfTurn(() => done.push('under fake timers'));
  vi.useRealTimers();
  await settle();
  endOfTurn(() => done.push('later'));
  await settle();
  expect(done).toEqual(['under fake timers', 'later']);
});

test('[R20] a delay of three turns is two turns longer than the end of the current one', async () => {
  const done: string[] = [];
  endOfTurn(() => done.push('three turns'), 3);
  const bring = (turn: number) => {
    done.push(`turn ${turn}`);
    if (turn < 4) setImmediate(() => bring(turn + 1));
  };
  setImmediate(() => bring(1));
  await expect.poll(() => done).toHaveLength(5);
  expect(done).toEqual(['turn 1', 'turn 2', 'three turns', 'turn 3', 'turn 4']);
});
