import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { backoffCeilingMs, connectionTimings } from '../../machines/connection.ts';
import { Connection, type ServerSettings, type Socket } from '../../src/browser/connection.ts';
import { connectionStatus, sessionStatus } from '../../src/browser/connection-status.ts';
import { closeCodes } from '../../src/protocol/close-codes.ts';
import type { CommandMessage } from '../../src/protocol/command-routes.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import type { Position } from '../../src/protocol/venue.ts';
import { venueState } from './browser-fixture.ts';

/** A WebSocket whose server is the test. */
class FakeSocket extends EventTarget implements Socket {
  readonly sent: unknown[] = [];
  readyState = 0;
  closed = false;
  send(data: string): void {
    this.sent.push(JSON.parse(data));
  }
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }
  receive(message: ServerMessage): void {
    this.receiveData(JSON.stringify(message));
  }
  receiveData(data: unknown): void {
    this.dispatchEvent(new MessageEvent('message', { data }));
  }
  end(code: number): void {
    this.dispatchEvent(Object.assign(new Event('close'), { code }));
  }
}

function startConnection({
  openSocket,
  identity = () => ({}),
}: {
  openSocket?: () => Socket;
  identity?: () => { user_id?: string; token?: string };
} = {}) {
  let sessionsOver = 0;
  const sockets: FakeSocket[] = [];
  const received: ServerMessage[] = [];
  const phases: string[] = [];
  const roundTripsMs: number[] = [];
  const replies: [ServerSettings, number][] = [];
  const network = new EventTarget();
  const visibility = Object.assign(new EventTarget(), { hidden: false });
  const httpSockets: FakeSocket[] = [];
  let httpStatus: number | undefined = 0;
  let wake = () => {};
  let position: Position | undefined;
  let retryDelayMs = 0;
  const connection = new Connection({
    identity,
    onSessionOver: () => {
      sessionsOver++;
    },
    jitterSeed: 1,
    openSocket: () => {
      if (openSocket) return openSocket();
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    openHttpSocket: () => {
      const socket = new FakeSocket();
      httpSockets.push(socket);
      return socket;
    },
    probeHttp: async () => httpStatus,
    network,
    visibility,
    watchForSleep: (onWake) => {
      wake = onWake;
      return () => {};
    },
    position: () => position,
    onRoundTrip: (roundTripMs) => roundTripsMs.push(roundTripMs),
    onMessage: (message) => received.push(message),
    onReply: (settings, roundTripMs) => replies.push([settings, roundTripMs]),
    onView: (view) => {
      if (phases.at(-1) !== view.phase) phases.push(view.phase);
      retryDelayMs = view.retryDelayMs;
    },
  });
  connection.start();
  const socket = () => sockets.at(-1) as FakeSocket;
  return {
    connection,
    sockets,
    received,
    phases,
    network,
    socket,
    roundTripsMs,
    replies,
    httpSockets,
    httpSocket: () => httpSockets.at(-1) as FakeSocket,
    httpWorks: () => {
      httpStatus = undefined;
    },
    sessionsOver: () => sessionsOver,
    wake: () => wake(),
    retryDelayMs: () => retryDelayMs,
    setPosition: (next: Position) => {
      position = next;
    },
    becomeLive: () => {
      socket().open();
      socket().receive({ type: 'VENUE_STATE', data: venueState() });
    },
  };
}

describe('the connection', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('[R90] first sends its user, and is live with VENUE_STATE', () => {
    const run = startConnection();
    expect(run.socket().sent).toEqual([]);
    run.socket().open();
    expect(run.socket().sent).toEqual([{ type: 'CONNECT', request_id: 'connect-1', data: { presence: true } }]);
    expect(run.connection.isLive).toBe(false);
    run.socket().receive({ type: 'VENUE_STATE', data: venueState() });
    expect(run.connection.isLive).toBe(true);
    expect(run.phases).toEqual(['connecting', 'synchronising', 'live']);
    expect(run.received).toHaveLength(1);
  });

  test('[R90] [R325] a token that arrives after the WebSocket opened is sent over it when it arrives', () => {
    let identity = {};
    const run = startConnection({ identity: () => identity });
    identity = { user_id: 'u_1', token: 'a token' };
    run.connection.identify();
    expect(run.socket().sent).toEqual([]);
    identity = {};
    run.socket().open();
    identity = { user_id: 'u_1', token: 'a token' };
    run.connection.identify();
    expect(run.socket().sent).toEqual([
      { type: 'CONNECT', request_id: 'connect-1', data: { presence: true } },
      { type: 'CONNECT', data: { presence: true, user_id: 'u_1', token: 'a token' } },
    ]);
    run.socket().end(1006);
    vi.advanceTimersByTime(run.retryDelayMs());
    run.connection.identify();
    run.socket().open();
    expect(run.socket().sent).toMatchObject([{ request_id: 'connect-2', data: { token: 'a token' } }]);
    expect(run.sockets).toHaveLength(2);
  });

  test('[R99] [R322] a cookie that arrives later opens a second WebSocket, which takes over once it is open', () => {
    const run = startConnection({ identity: () => ({ user_id: 'u_1' }) });
    run.becomeLive();
    const first = run.socket();
    run.connection.identify();
    expect(run.sockets).toHaveLength(2);
    expect([first.closed, run.connection.isLive]).toEqual([false, true]);
    run.setPosition({ epoch: 'e1', seq: 7 });
    run.socket().open();
    expect(first.closed).toBe(true);
    expect(run.socket().sent).toMatchObject([
      { type: 'CONNECT', request_id: 'connect-2', data: { user_id: 'u_1', position: { seq: 7 } } },
    ]);
    run.socket().receive({ type: 'ACK', request_id: 'connect-2', data: { success: true } });
    expect(run.phases).toEqual(['connecting', 'synchronising', 'live', 'synchronising', 'live']);
  });

  test.each<CommandMessage>([
    { type: 'BOOK_SEAT', request_id: 'book-1', data: { seat_id: 'A1' } },
    { type: 'BOOK_HOLD', request_id: 'book-1', data: { seats: ['A1', 'A2'] } },
  ])('[R322] a connection with $type in flight is not replaced before the reply', (command) => {
    const run = startConnection();
    run.becomeLive();
    const first = run.socket();
    run.connection.send(command);
    run.connection.identify();
    run.socket().open();
    vi.advanceTimersByTime(1_000);
    expect(first.closed).toBe(false);
    first.receive({ type: 'ACK', request_id: 'book-1', data: { success: true } });
    vi.advanceTimersByTime(100);
    expect([first.closed, run.received.length]).toEqual([true, 2]);
  });

  test('[R99] if the second WebSocket cannot be opened, the page does not keep the old session', () => {
    const run = startConnection();
    run.becomeLive();
    run.connection.identify();
    run.socket().end(1006);
    expect(run.phases.at(-1)).toBe('waiting');
  });

  test('[R99] the page is notified when its session ends, and the connection is reopened', () => {
    const run = startConnection();
    run.becomeLive();
    run.socket().end(closeCodes.sessionOver.code);
    expect(run.sessionsOver()).toBe(1);
    vi.advanceTimersByTime(run.retryDelayMs());
    expect(run.sockets).toHaveLength(2);
  });

  test("[R90] [G6] resumes from the page's position, and is live once the missed updates have arrived", () => {
    const run = startConnection();
    run.becomeLive();
    run.setPosition({ epoch: 'e1', seq: 42 });
    run.socket().end(1006);
    vi.advanceTimersByTime(run.retryDelayMs());
    expect(run.sockets).toHaveLength(2);
    run.socket().open();
    expect(run.socket().sent).toEqual([
      {
        type: 'CONNECT',
        request_id: 'connect-2',
        data: { presence: true, position: { epoch: 'e1', seq: 42 } },
      },
    ]);
    run.socket().receive({ type: 'SEAT_UPDATE', data: { seat_id: 'A1', status: 0, seq: 43 } });
    run.socket().receive({ type: 'ACK', request_id: 'connect-1', data: { success: true } });
    expect(run.connection.isLive, 'an answer to another CONNECT').toBe(false);
    run.socket().receive({ type: 'ACK', request_id: 'connect-2', data: { success: true } });
    expect(run.connection.isLive).toBe(true);
  });

  test('[R90] messages on an abandoned socket are ignored', () => {
    const run = startConnection();
    run.becomeLive();
    const old = run.socket();
    old.end(1006);
    expect(old.closed).toBe(true);
    old.receive({ type: 'VENUE_STATE', data: venueState() });
    old.open();
    old.end(closeCodes.tooManyMessages.code);
    expect(run.received).toHaveLength(1);
    expect(run.phases.at(-1)).toBe('waiting');
  });

  test('[R92] a socket that never opens is closed and replaced', () => {
    const run = startConnection();
    vi.advanceTimersByTime(connectionTimings.connectTimeoutMs);
    expect(run.socket().closed).toBe(true);
    expect(run.phases).toEqual(['connecting', 'waiting']);
    vi.advanceTimersByTime(backoffCeilingMs(0));
    expect(run.sockets).toHaveLength(2);
  });

  test('[R91] every wait is reported with its duration', () => {
    const run = startConnection();
    for (let failures = 0; failures < 6; failures++) {
      run.socket().end(1006);
      expect(run.phases.at(-1)).toBe('waiting');
      expect(run.retryDelayMs()).toBeLessThanOrEqual(backoffCeilingMs(failures));
      vi.advanceTimersByTime(run.retryDelayMs());
      expect(run.phases.at(-1)).toBe('connecting');
      expect(run.sockets).toHaveLength(failures + 2);
    }
  });

  test('[R93] a code that forbids reconnecting is respected until the user retries', () => {
    const run = startConnection();
    run.becomeLive();
    run.socket().end(closeCodes.tooLarge.code);
    vi.advanceTimersByTime(3_600_000);
    expect(run.phases.at(-1)).toBe('gaveUp');
    expect(run.sockets).toHaveLength(1);
    run.connection.retry();
    run.becomeLive();
    expect(run.connection.isLive).toBe(true);
  });

  test('[R93] a refused CONNECT ends the attempt; a refused command does not', () => {
    const refused = { code: 'RATE_LIMITED', message: 'later', retryable: true } as const;
    const run = startConnection();
    run.becomeLive();
    run.socket().receive({ type: 'ERROR', request_id: 'select-1', data: refused });
    expect(run.connection.isLive).toBe(true);
    run.socket().end(1012);
    run.connection.retry();
    run.socket().open();
    run.socket().receive({ type: 'ERROR', request_id: 'connect-2', data: refused });
    expect(run.phases.at(-1)).toBe('waiting');
    run.connection.retry();
    run.socket().open();
    const forGood = { code: 'INVALID_REQUEST', message: 'no', retryable: false } as const;
    run.socket().receive({ type: 'ERROR', request_id: 'connect-3', data: forGood });
    expect(run.phases.at(-1)).toBe('gaveUp');
  });

  test('[R93] follows the network', () => {
    const run = startConnection();
    run.becomeLive();
    run.network.dispatchEvent(new Event('offline'));
    expect(run.phases.at(-1)).toBe('offline');
    expect(run.socket().closed).toBe(true);
    vi.advanceTimersByTime(3_600_000);
    expect(run.sockets).toHaveLength(1);
    run.network.dispatchEvent(new Event('online'));
    expect(run.sockets).toHaveLength(2);
  });

  test('[R93] if the browser forbids WebSockets, this is reported instead of an exception', () => {
    let attempts = 0;
    const run = startConnection({
      openSocket: () => {
        attempts++;
        throw new DOMException('insecure', 'SecurityError');
      },
    });
    expect(run.phases.at(-1)).toBe('gaveUp');
    expect(attempts).toBe(1);
  });

  test('[R97] commands are sent while there is a socket, and never queued for the next one', () => {
    const run = startConnection();
    run.becomeLive();
    const command = { type: 'SELECT_SEAT', request_id: 'select-1', data: { seat_id: 'A1' } } as const;
    run.connection.send(command);
    expect(run.socket().sent.at(-1)).toEqual(command);
    run.socket().end(1006);
    run.connection.send(command);
    run.connection.retry();
    run.becomeLive();
    const commands = run.sockets.map(({ sent }) =>
      sent.filter((message) => (message as typeof command).type === 'SELECT_SEAT'),
    );
    expect(commands).toEqual([[command], []]);
  });

  test('[R112] measures the round trip by the reply to its newest PING, which the page does not see', () => {
    const run = startConnection();
    run.becomeLive();
    const ping = (nth: number) => ({ type: 'ACK', request_id: `ping-${nth}`, data: { success: true } }) as const;
    expect(run.socket().sent.at(-1)).toEqual({ type: 'PING', request_id: 'ping-1' });
    vi.advanceTimersByTime(80);
    run.socket().receive(ping(1));
    vi.advanceTimersByTime(connectionTimings.pingIntervalMs + 20);
    run.socket().receive(ping(1));
    run.socket().receive(ping(2));
    expect(run.roundTripsMs).toEqual([80, 20]);
    expect(run.received.map(({ type }) => type)).toEqual(['VENUE_STATE', 'ACK']);
    run.wake();
    expect([run.phases.at(-1), run.connection.isLive]).toEqual(['checking', false]);
    run.socket().receive(ping(3));
    expect([run.phases.at(-1), run.connection.isLive]).toEqual(['live', true]);
    vi.advanceTimersByTime(connectionTimings.pingTimeoutMs);
    expect(run.phases.at(-1)).toBe('waiting');
  });

  test('[R324] the replies to CONNECT and PING pass on time and settings, with the round trip', () => {
    const run = startConnection();
    run.socket().open();
    vi.advanceTimersByTime(40);
    run.socket().receive({ type: 'VENUE_STATE', request_id: 'connect-1', data: venueState() });
    vi.advanceTimersByTime(60);
    const data = { success: true, server_time: 5, hold_seconds: 120, max_holds: 2 } as const;
    run.socket().receive({ type: 'ACK', request_id: 'ping-1', data });
    expect(run.replies).toMatchObject([
      [{ hold_seconds: 30 }, 40],
      [{ server_time: 5, hold_seconds: 120, max_holds: 2 }, 60],
    ]);
  });

  describe('with blocked WebSockets', () => {
    /** Two WebSockets have not opened, while HTTP works. */
    async function startPolling() {
      const run = startConnection();
      run.httpWorks();
      run.socket().end(1006);
      await vi.advanceTimersByTimeAsync(run.retryDelayMs());
      run.socket().end(1006);
      await vi.advanceTimersByTimeAsync(0);
      return run;
    }

    test('[R320] [R321] everything uses HTTP: CONNECT, a poll per second, commands', async () => {
      const run = await startPolling();
      run.httpSocket().open();
      expect(run.httpSocket().sent).toMatchObject([{ type: 'CONNECT', request_id: 'connect-3' }]);
      run.httpSocket().receive({ type: 'VENUE_STATE', data: venueState() });
      expect([run.phases.at(-1), run.connection.isLive]).toEqual(['polling', true]);
      await vi.advanceTimersByTimeAsync(1_250);
      expect(run.httpSocket().sent.at(-1)).toMatchObject({ type: 'PING', request_id: 'ping-1' });
      const command = { type: 'SELECT_SEAT', request_id: 'select-1', data: { seat_id: 'A1' } } as const;
      run.connection.send(command);
      expect(run.httpSocket().sent.at(-1)).toEqual(command);
    });

    test('[R322] after a minute a WebSocket that opens takes over without interruption', async () => {
      const run = await startPolling();
      run.httpSocket().open();
      run.httpSocket().receive({ type: 'VENUE_STATE', data: venueState() });
      const before = run.sockets.length;
      for (let seconds = 0; run.sockets.length === before; seconds++) {
        expect(seconds).toBeLessThan(80);
        await vi.advanceTimersByTimeAsync(1_000);
        const { request_id } = run.httpSocket().sent.at(-1) as { request_id: string };
        run.httpSocket().receive({ type: 'ACK', request_id, data: { success: true } });
      }
      expect(run.connection.isLive).toBe(true);
      run.socket().open();
      expect(run.httpSocket().closed).toBe(true);
      run.socket().receive({ type: 'ACK', request_id: 'connect-4', data: { success: true } });
      expect(run.phases.slice(-3)).toEqual(['polling', 'synchronising', 'live']);
    });
  });

  test.each(['not json', '', 'null', '42', '"hello"', '[]', '{}', new ArrayBuffer(3)])(
    '[R90] %j is not a message and has no effect',
    (data) => {
      const run = startConnection();
      run.socket().open();
      run.socket().receiveData(data);
      expect(run.received).toEqual([]);
      expect(run.phases.at(-1)).toBe('synchronising');
      run.socket().receive({ type: 'VENUE_STATE', data: venueState() });
      expect(run.connection.isLive).toBe(true);
    },
  );
});

test.each([
  ['connecting', 0, '● Connecting…', 'connecting', false],
  ['synchronising', 0, '● Connecting…', 'connecting', false],
  ['live', 0, '● Connected', 'connected', false],
  ['checking', 0, '● Checking the connection…', 'connecting', false],
  ['polling', 0, '● Live updates every second (WebSocket blocked)', 'connected', false],
  ['waiting', 7, '● Reconnecting in 7 s', 'connecting', true],
  ['waiting', 1, '● Reconnecting in 1 s', 'connecting', false],
  ['waiting', 0, '● Reconnecting…', 'connecting', false],
  ['offline', 0, '● Offline', 'disconnected', true],
  ['gaveUp', 0, '● Disconnected', 'disconnected', true],
] as const)('[R101] the status of %s with %i s left', (phase, seconds, text, className, mayRetry) => {
  expect(connectionStatus(phase, seconds)).toEqual({ text, className, mayRetry });
});

test('[R326] the status shows the cause and the time of the next attempt', () => {
  expect(connectionStatus('polling', 0, { wasWebSocketLive: true }).text).toContain('WebSocket unavailable');
  expect(connectionStatus('waiting', 7, { httpStatus: 502 })).toEqual({
    text: '● The server is unavailable (502).',
    countdown: 'Next try in 7 s.',
    className: 'connecting',
    mayRetry: true,
  });
  expect(connectionStatus('waiting', 7, { httpStatus: 429 })).toMatchObject({
    text: '● Too many requests from your network.',
    mayRetry: false,
  });
  expect(sessionStatus({ status: 429, retryAtMs: 0 }, 58)).toEqual({
    text: '● Too many visitors from your network.',
    countdown: 'Next try in 58 s.',
    className: 'disconnected',
    mayRetry: false,
  });
  expect(sessionStatus({ status: 403, retryAtMs: 0 }, 58).text).toBe('● This address is not allowed.');
  expect(sessionStatus({ status: 503, retryAtMs: 0 }, 0)).toMatchObject({
    text: '● The server cannot start your session (503).',
    countdown: 'Trying again…',
  });
});
