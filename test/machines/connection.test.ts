import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createActor, fromCallback, SimulatedClock } from 'xstate';
import {
  backoffCeilingMs,
  type ConnectionEvent,
  connectionMachine,
  connectionTimings,
} from '../../machines/connection.ts';
import { closeCodes } from '../../src/protocol/close-codes.ts';

const { connectTimeoutMs, steadyAfterMs, pingIntervalMs, pingTimeoutMs, checkTimeoutMs, backoffCapMs, backoffBaseMs } =
  connectionTimings;
const lost = { type: 'CLOSED', code: 1006 } as const;

/** A started actor on a clock that only the test advances. */
function startConnection({ jitterSeed = 1, opensSockets = true } = {}) {
  const clock = new SimulatedClock();
  let attempts = 0;
  let open = 0;
  let pings = 0;
  let httpProbes = 0;
  let polling = 0;
  let trying = 0;
  const machine = connectionMachine.provide({
    actions: {
      ping: () => {
        pings++;
      },
      probeHttp: () => {
        httpProbes++;
      },
    },
    actors: {
      poller: fromCallback(() => {
        polling++;
        return () => {
          polling--;
        };
      }),
      successor: fromCallback(() => {
        trying++;
        return () => {
          trying--;
        };
      }),
      socket: fromCallback(() => {
        attempts++;
        if (!opensSockets) throw new Error('no WebSocket may be opened here');
        open++;
        return () => {
          open--;
        };
      }),
    },
  });
  const actor = createActor(machine, { input: { jitterSeed }, clock });
  actor.subscribe({ error: () => {} });
  actor.start();
  const send = (...events: ConnectionEvent[]) => {
    for (const event of events) actor.send(event);
  };
  return {
    clock,
    send,
    attempts: () => attempts,
    open: () => open,
    pings: () => pings,
    httpProbes: () => httpProbes,
    polling: () => polling,
    trying: () => trying,
    state: () => {
      const { value } = actor.getSnapshot();
      if (typeof value === 'string') return value;
      if ('polling' in value) {
        const { venue, webSocket } = value.polling;
        return `polling ${typeof venue === 'object' ? venue.live : venue}, ${webSocket}`;
      }
      return typeof value.attached === 'object' ? 'live' : value.attached;
    },
    context: () => actor.getSnapshot().context,
    becomeLive: () => send({ type: 'OPENED' }, { type: 'SYNCHRONISED' }),
    /** Advances the clock; the edge replies to every PING immediately. */
    passAnswered: (ms: number) => {
      for (let left = ms; left > 0; left -= pingIntervalMs) {
        send({ type: 'ANSWERED' });
        clock.increment(Math.min(left, pingIntervalMs));
      }
    },
    /** Fails the running attempt, and returns the random delay before the next. */
    fail: (): number => {
      send(lost);
      return actor.getSnapshot().context.retryDelayMs;
    },
  };
}

test('[R90] a connection opens, synchronises and is live', () => {
  const run = startConnection();
  expect(run.state()).toBe('connecting');
  run.send({ type: 'OPENED' });
  expect(run.state()).toBe('synchronising');
  run.send({ type: 'SYNCHRONISED' });
  expect(run.state()).toBe('live');
  run.send({ type: 'SYNCHRONISED' });
  run.passAnswered(3_600_000);
  expect(run.state()).toBe('live');
  expect([run.attempts(), run.open()]).toEqual([1, 1]);
});

test.each([
  ['connecting', []],
  ['synchronising', [{ type: 'OPENED' }]],
] as const)('[R92] %s takes at most 10 s', (state, events) => {
  const run = startConnection();
  run.clock.increment(5_000);
  run.send(...events);
  run.clock.increment(state === 'connecting' ? connectTimeoutMs - 5_001 : connectTimeoutMs - 1);
  expect(run.state()).toBe(state);
  run.clock.increment(1);
  expect(run.state()).toBe('waiting');
  expect(run.open(), 'the socket is closed').toBe(0);
});

test('[R91] the maximum wait doubles with every failure, up to its cap', () => {
  const ceilings = Array.from({ length: 40 }, (_, failures) => backoffCeilingMs(failures));
  expect(ceilings.slice(0, 5)).toEqual([250, 500, 1000, 2000, 2000]);
  expect(new Set(ceilings.slice(5))).toEqual(new Set([backoffCapMs]));
  expect(ceilings[0]).toBe(backoffBaseMs);
});

test('[R91] the wait is uniform between 0 and its maximum: browsers that disconnect together reconnect apart', () => {
  const fractions: number[][] = Array.from({ length: 8 }, () => []);
  for (let jitterSeed = 0; jitterSeed < 500; jitterSeed++) {
    const run = startConnection({ jitterSeed: (jitterSeed * 2_654_435_761) | 0 });
    for (const [failures, drawn] of fractions.entries()) {
      const delayMs = run.fail();
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(backoffCeilingMs(failures));
      drawn.push(delayMs / backoffCeilingMs(failures));
      run.clock.increment(delayMs);
    }
  }
  for (const drawn of fractions) {
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = drawn.filter((fraction) => Math.min(9, Math.floor(fraction * 10)) === tenth).length;
      expect(share).toBeGreaterThan(20);
      expect(share).toBeLessThan(90);
    }
  }
});

test('[R91] the next attempt starts exactly after the wait, one socket at a time', () => {
  const run = startConnection();
  for (let attempt = 1; attempt <= 20; attempt++) {
    expect([run.attempts(), run.open()]).toEqual([attempt, 1]);
    const delayMs = run.fail();
    expect([run.state(), run.open()]).toEqual(['waiting', 0]);
    if (delayMs > 0) {
      run.clock.increment(delayMs - 1);
      expect(run.state()).toBe('waiting');
    }
    run.clock.increment(Math.min(delayMs, 1));
    expect(run.state()).toBe('connecting');
  }
});

test('[R91] equal seeds give equal waits, different seeds different ones', () => {
  const waits = (jitterSeed: number) => {
    const run = startConnection({ jitterSeed });
    return Array.from({ length: 10 }, () => {
      const delayMs = run.fail();
      run.clock.increment(delayMs);
      return delayMs;
    });
  };
  expect(waits(7)).toEqual(waits(7));
  expect(waits(7)).not.toEqual(waits(8));
});

test('[R91] only a connection that was live for 10 s resets the backoff', () => {
  const run = startConnection();
  for (let n = 0; n < 4; n++) run.clock.increment(run.fail());
  run.becomeLive();
  run.passAnswered(steadyAfterMs - 1);
  expect(run.context().failedAttempts).toBe(4);
  run.clock.increment(run.fail());
  expect(run.context().failedAttempts).toBe(5);
  run.becomeLive();
  run.passAnswered(steadyAfterMs);
  expect(run.context().failedAttempts).toBe(0);
  expect(run.fail()).toBeLessThanOrEqual(backoffCeilingMs(0));
});

test('[R93] offline closes everything and waits for online without a limit', () => {
  const starts: ((run: ReturnType<typeof startConnection>) => void)[] = [
    () => {},
    (run) => run.send({ type: 'OPENED' }),
    (run) => run.becomeLive(),
    (run) => run.fail(),
  ];
  for (const start of starts) {
    const run = startConnection();
    start(run);
    run.send({ type: 'OFFLINE' });
    run.clock.increment(3_600_000);
    expect([run.state(), run.open()]).toEqual(['offline', 0]);
    run.send({ type: 'ONLINE' });
    expect([run.state(), run.open()]).toEqual(['connecting', 1]);
    expect(run.context().failedAttempts).toBe(0);
  }
});

test('[R93] online ends a wait and does not affect an existing connection', () => {
  const run = startConnection();
  run.becomeLive();
  run.send({ type: 'ONLINE' });
  expect([run.state(), run.attempts()]).toEqual(['live', 1]);
  run.fail();
  run.send({ type: 'ONLINE' });
  expect([run.state(), run.attempts()]).toEqual(['connecting', 2]);
});

test.each(Object.entries(closeCodes))('[R93] the close code %s has its documented effect', (_, { code, advice }) => {
  for (const live of [false, true]) {
    const run = startConnection();
    if (live) run.becomeLive();
    run.send({ type: 'CLOSED', code });
    expect(run.state()).toBe(advice === 'retry' ? 'waiting' : 'gaveUp');
    expect(run.open()).toBe(0);
  }
});

test.each([1000, 1005, 1006, 1015, 4999])('[R93] the foreign close code %i leads to another attempt', (code) => {
  const run = startConnection();
  run.send({ type: 'CLOSED', code });
  expect(run.state()).toBe('waiting');
});

test('[R93] a refused CONNECT is retried only if that may help', () => {
  for (const retryable of [true, false]) {
    const run = startConnection();
    run.send({ type: 'OPENED' }, { type: 'REFUSED', retryable });
    expect(run.state()).toBe(retryable ? 'waiting' : 'gaveUp');
  }
});

test('[R93] after giving up only the user can retry', () => {
  const run = startConnection();
  run.send({ type: 'CLOSED', code: closeCodes.tooManyMessages.code });
  run.send({ type: 'ONLINE' }, { type: 'OFFLINE' }, lost);
  run.clock.increment(3_600_000);
  expect([run.state(), run.attempts()]).toEqual(['gaveUp', 1]);
  run.send({ type: 'RETRY' });
  expect([run.state(), run.attempts()]).toEqual(['connecting', 2]);
});

test('[R93] the user can end any wait, and never disturbs a connection', () => {
  const run = startConnection();
  run.send({ type: 'RETRY' });
  run.becomeLive();
  run.send({ type: 'RETRY' });
  expect([run.state(), run.attempts()]).toEqual(['live', 1]);
  run.fail();
  run.send({ type: 'RETRY' });
  expect([run.state(), run.attempts()]).toEqual(['connecting', 2]);
  run.send({ type: 'OFFLINE' }, { type: 'RETRY' });
  expect([run.state(), run.attempts()]).toEqual(['connecting', 3]);
});

test('[R93] gives up if no WebSocket can be created', () => {
  const run = startConnection({ opensSockets: false });
  expect(run.state()).toBe('gaveUp');
  run.send({ type: 'RETRY' });
  expect([run.state(), run.attempts()]).toEqual(['gaveUp', 2]);
});

test('[R112] while live it pings the edge immediately, and again some time after each reply', () => {
  const run = startConnection();
  run.becomeLive();
  expect(run.pings()).toBe(1);
  run.passAnswered(3_600_000);
  expect([run.state(), run.attempts()]).toEqual(['live', 1]);
  expect(run.pings()).toBe(1 + 3_600_000 / pingIntervalMs);
});

test('[R112] a silently dead connection is closed if the reply does not arrive in time', () => {
  const run = startConnection();
  run.becomeLive();
  run.passAnswered(pingIntervalMs);
  run.clock.increment(pingTimeoutMs - 1);
  expect(run.state()).toBe('live');
  run.clock.increment(1);
  expect([run.state(), run.open()]).toEqual(['waiting', 0]);
});

test('[R113] after a sleep it is not live until the edge has replied, and reconnects if it does not', () => {
  for (const answers of [true, false]) {
    const run = startConnection();
    run.becomeLive();
    run.send({ type: 'ANSWERED' }, { type: 'WOKE' });
    expect([run.state(), run.pings()]).toEqual(['checking', 2]);
    run.clock.increment(checkTimeoutMs - 1);
    expect(run.state()).toBe('checking');
    if (answers) run.send({ type: 'ANSWERED' });
    run.clock.increment(1);
    expect([run.state(), run.open()]).toEqual(answers ? ['live', 1] : ['waiting', 0]);
  }
});

test('[R113] without a live connection a sleep has no effect', () => {
  const run = startConnection();
  run.send({ type: 'WOKE' });
  expect(run.state()).toBe('connecting');
  run.fail();
  run.send({ type: 'WOKE' });
  expect([run.state(), run.pings()]).toEqual(['waiting', 0]);
});

/** A page with blocked WebSockets and working HTTP. */
function startBlocked(options: { jitterSeed?: number } = {}) {
  const run = startConnection(options);
  run.clock.increment(run.fail());
  run.fail();
  run.send({ type: 'HTTP_WORKS' });
  return run;
}

test('[R320] polls after two WebSockets that never opened if HTTP works, and not before', () => {
  const run = startConnection();
  const delayMs = run.fail();
  expect(run.httpProbes()).toBe(1);
  run.send({ type: 'HTTP_WORKS' });
  expect(run.state()).toBe('waiting');
  run.clock.increment(delayMs);
  run.fail();
  run.send({ type: 'HTTP_FAILED', httpStatus: 502 });
  expect([run.state(), run.context().httpStatus]).toEqual(['waiting', 502]);
  run.send({ type: 'HTTP_WORKS' });
  expect([run.state(), run.polling(), run.open()]).toEqual(['polling synchronising, blocked', 1, 0]);
  expect(run.context().httpStatus).toBeUndefined();
});

test('[R320] a WebSocket that opens but stays silent, or does not open for 4 s, also triggers the check of HTTP', () => {
  const slow = startConnection();
  slow.clock.increment(connectionTimings.slowOpeningMs);
  expect(slow.httpProbes()).toBe(1);
  slow.send({ type: 'HTTP_WORKS' });
  expect(slow.state()).toBe('polling synchronising, blocked');
  const silent = startConnection();
  for (let n = 0; n < 2; n++) {
    silent.send({ type: 'OPENED' });
    silent.clock.increment(connectTimeoutMs);
    if (n === 0) silent.clock.increment(silent.context().retryDelayMs);
  }
  silent.send({ type: 'HTTP_WORKS' });
  expect(silent.state()).toBe('polling synchronising, blocked');
});

test('[R320] a live WebSocket that breaks is not a blocking proxy: it is reopened first', () => {
  const run = startConnection();
  run.fail();
  run.send({ type: 'RETRY' });
  run.becomeLive();
  for (let failures = 0; failures < 12; failures++) {
    run.clock.increment(run.fail());
    run.send({ type: 'HTTP_WORKS' });
    expect(run.state()).toBe('connecting');
  }
  run.fail();
  run.send({ type: 'HTTP_WORKS' });
  expect(run.state(), 'the network may be another one by now').toBe('polling synchronising, blocked');
});

test('[R320] polls if no WebSocket can be created', () => {
  const run = startConnection({ opensSockets: false });
  expect([run.state(), run.httpProbes()]).toEqual(['gaveUp', 1]);
  run.send({ type: 'HTTP_WORKS' });
  expect(run.state()).toBe('polling synchronising, blocked');
});

test('[R320] a server that forbids reconnecting is not polled', () => {
  const run = startConnection();
  run.becomeLive();
  run.send({ type: 'CLOSED', code: closeCodes.tooManyMessages.code }, { type: 'HTTP_WORKS' });
  expect(run.state()).toBe('gaveUp');
});

test('[R321] polls about once a second with jitter, every 10 s while hidden, and immediately when shown', () => {
  const delays = Array.from({ length: 200 }, (_, jitterSeed) => {
    const run = startBlocked({ jitterSeed });
    run.send({ type: 'SYNCHRONISED' });
    expect(run.state()).toBe('polling resting, blocked');
    return run.context().pollDelayMs;
  });
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(750);
  expect(Math.max(...delays)).toBeLessThanOrEqual(1_250);
  expect(new Set(delays).size).toBeGreaterThan(100);
  const run = startBlocked();
  run.send({ type: 'SYNCHRONISED' });
  run.clock.increment(run.context().pollDelayMs);
  expect([run.state(), run.pings()]).toEqual(['polling requesting, blocked', 1]);
  run.send({ type: 'HIDDEN' }, { type: 'ANSWERED' });
  expect(run.context().pollDelayMs).toBeGreaterThanOrEqual(7_500);
  run.clock.increment(5_000);
  expect(run.pings()).toBe(1);
  run.send({ type: 'SHOWN' });
  expect([run.state(), run.pings()]).toEqual(['polling requesting, blocked', 2]);
  run.send({ type: 'ANSWERED' });
  expect(run.context().pollDelayMs).toBeLessThanOrEqual(1_250);
});

test('[R321] a poll without a reply ends the connection; after a wait it polls again if WebSockets never worked', () => {
  const run = startBlocked();
  run.send({ type: 'SYNCHRONISED' });
  run.clock.increment(run.context().pollDelayMs);
  run.clock.increment(connectionTimings.pollTimeoutMs);
  expect([run.state(), run.polling()]).toEqual(['waiting', 0]);
  run.clock.increment(run.context().retryDelayMs);
  expect(run.state()).toBe('polling synchronising, blocked');
});

test("[R323] the server's Retry-After is respected, with jitter, within the range of a timer", () => {
  const waits = Array.from({ length: 50 }, (_, jitterSeed) => {
    const run = startBlocked({ jitterSeed });
    run.send({ type: 'CLOSED', code: 1006, httpStatus: 429, retryAfterMs: 40_000 });
    expect([run.state(), run.context().httpStatus]).toEqual(['waiting', 429]);
    return run.context().retryDelayMs;
  });
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(40_000);
  expect(Math.max(...waits)).toBeLessThanOrEqual(50_000);
  expect(new Set(waits).size).toBeGreaterThan(40);
  const run = startBlocked();
  run.send({ type: 'CLOSED', code: 1006, retryAfterMs: 1e15 });
  expect(run.context().retryDelayMs).toBe(2 ** 31 - 1);
});

test('[R322] while polling a WebSocket is tried every minute, and takes over when it opens', () => {
  const run = startBlocked();
  run.send({ type: 'SYNCHRONISED' }, { type: 'ANSWERED' });
  const poll = () => {
    run.clock.increment(run.context().pollDelayMs);
    run.send({ type: 'ANSWERED' });
  };
  for (let passedMs = 0; run.trying() === 0; passedMs += run.context().pollDelayMs) {
    expect(passedMs).toBeLessThan(80_000);
    poll();
  }
  expect(run.state()).toBe('polling resting, opening');
  run.send({ type: 'BLOCKED' });
  expect([run.state(), run.trying()]).toEqual(['polling resting, blocked', 0]);
  run.send({ type: 'ONLINE' });
  expect([run.state(), run.polling()]).toEqual(['polling resting, opening', 1]);
  run.send({ type: 'REPLACED' });
  expect([run.state(), run.polling(), run.trying(), run.open()]).toEqual(['synchronising', 0, 0, 1]);
  run.send({ type: 'SYNCHRONISED' });
  expect(run.context()).toMatchObject({ isPolling: false, failedOpenings: 0, wasWebSocketLive: true });
});

test('[R322] a WebSocket that replaces a live one is synchronised immediately', () => {
  const run = startConnection();
  run.becomeLive();
  run.send({ type: 'REPLACED' });
  expect([run.state(), run.attempts(), run.open()]).toEqual(['synchronising', 2, 1]);
});

test('[R113] after a sleep a polling page is not live until a poll gets a reply', () => {
  const run = startBlocked();
  run.send({ type: 'SYNCHRONISED' }, { type: 'WOKE' });
  expect([run.state(), run.pings()]).toEqual(['polling checking, blocked', 1]);
  run.send({ type: 'ANSWERED' });
  expect(run.state()).toBe('polling resting, blocked');
});

interface StateConfig {
  description?: string;
  states?: Record<string, StateConfig>;
  [key: string]: unknown;
}

function* statesOf(state: StateConfig, path = 'connection'): Generator<[string, StateConfig]> {
  yield [path, state];
  for (const [name, child] of Object.entries(state.states ?? {})) yield* statesOf(child, `${path}.${name}`);
}

const asList = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

/** All transitions in the source, including those of invoked actors. */
function transitionsOf(state: StateConfig): [string, Record<string, unknown>][] {
  const invoked = asList(state.invoke).flatMap((invoke) => {
    const { onDone, onError } = invoke as Record<string, unknown>;
    return [...asList(onDone), ...asList(onError)];
  });
  const named = { ...(state.on as object), ...(state.after as object), always: state.always, invoked };
  return Object.entries(named).flatMap(([name, list]) =>
    asList(list).map((transition): [string, Record<string, unknown>] => [
      name,
      typeof transition === 'string' ? { target: transition } : (transition as Record<string, unknown>),
    ]),
  );
}

const config = connectionMachine.config as unknown as StateConfig;

test('[R94] every state and every transition has a description, in the exported definition too', () => {
  const definition = JSON.parse(JSON.stringify(connectionMachine.definition)) as StateConfig;
  const exported = [...statesOf(definition)].flatMap(([path, { transitions }]) =>
    (transitions as { description?: string; eventType: string }[]).map(
      ({ description, eventType }) => [`${path} ${eventType}`, description] as const,
    ),
  );
  const written = [...statesOf(config)].flatMap(([path, state]) =>
    transitionsOf(state).map(([name, { description }]) => [`${path} ${name}`, description] as const),
  );
  const states = [...statesOf(definition), ...statesOf(config)].map(
    ([path, { description }]) => [path, description] as const,
  );
  expect(exported.length).toBeGreaterThanOrEqual(15);
  expect(written.length).toBeGreaterThanOrEqual(15);
  expect([...exported, ...written, ...states].filter(([, description]) => !description)).toEqual([]);
});

test('[R94] actions, guards, actors and delays are names with an implementation', () => {
  const { actions, guards, actors, delays } = connectionMachine.implementations;
  const unnamed: string[] = [];
  const check = (where: string, values: unknown, given: object) => {
    for (const value of asList(values)) if (typeof value !== 'string' || !(value in given)) unnamed.push(where);
  };
  for (const [path, state] of statesOf(config)) {
    for (const key of ['entry', 'exit']) check(`${path} ${key}`, state[key], actions);
    for (const { src } of asList(state.invoke) as { src: unknown }[]) check(`${path} invoke`, src, actors);
    check(`${path} after`, Object.keys((state.after as object) ?? {}), delays);
    for (const [name, transition] of transitionsOf(state)) {
      check(`${path} ${name} action`, transition.actions, actions);
      check(`${path} ${name} guard`, transition.guard, guards);
    }
  }
  expect(unnamed).toEqual([]);
});

test('[R94] the machine is pure: it imports only xstate and the protocol', () => {
  const source = readFileSync(new URL('../../machines/connection.ts', import.meta.url), 'utf8');
  const imported = [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, name]) => name);
  expect(imported.length).toBeGreaterThan(0);
  for (const name of imported) expect(name).toMatch(/^(xstate|\.\.\/src\/protocol\/[a-z-]+\.ts)$/);
});
